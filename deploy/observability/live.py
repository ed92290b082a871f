"""The live part of `check`: puts load on the services, lets a Prometheus scrape them, and provokes each alert.

The rules are those of alerts.yml without `for` and with windows of 10 s, so that five minutes are enough; thresholds
stay. Everything runs on 127.0.0.1, ends by itself, and leaves nothing behind.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
QUEUE = "directory-form-data"
SECRET, CLIENT, KEY = "debug", "ui", "a-key-of-sixteen-or-more"
CREDENTIALS_KEY = base64.b64encode(b"an invented key of 32 bytes.....").decode()
# Rows of a megabyte, so that a client can leave in the middle of an export.
LARGE_ROWS = 30
# Seconds between two forms of one sender, and the number of senders.
PACE, SENDERS = 0.1, 2
LOAD_SECONDS = 60
# The window of the shortened rules.
WINDOW = "10s"
# Seconds that one alert may take to fire on a slow machine, and that the whole run may take.
PATIENCE, LIMIT = 60, 600
# Seconds without a new row on a slow machine, although nobody is blocked.
LONGEST_PAUSE = 5


def check(binaries: Path, prometheus: str, alerts: list[dict], panels: list[tuple[str, str]]) -> int:
    # Raises here, so that the `with` block stops every process.
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError(f"not done within {LIMIT} s")))
    signal.alarm(LIMIT)
    with tempfile.TemporaryDirectory() as directory, Stack(binaries, prometheus, Path(directory)) as stack:
        started = time.time()
        faults = under_load(stack)
        faults += without_data(stack, alerts, panels, started)
        faults += provoke(stack, alerts)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


# --- The steps ---


def under_load(stack: "Stack") -> list[str]:
    """Sends forms for a minute, some of them refused, and at the end a few messages that are not forms."""
    print(f"Load of {LOAD_SECONDS} s: forms, and some that are invalid or signed wrongly.", flush=True)
    end = time.monotonic() + LOAD_SECONDS
    unexpected: set[str] = set()
    while time.monotonic() < end - 15:
        stack.post("{}")
        stack.post('{"data": 1}', signature="0")
        stack.post('{"data": 1}', hawk_at=time.time())
        stack.read("?limit=1", key="")
        stack.read("?after=1000000000&wait=1")
        time.sleep(1)
        unexpected |= stack.firing().keys()
    # Messages that are not forms, and a few sends that SQS refuses.
    for _ in range(3):
        stack.garbage()
    stack.fault(action="SendMessageBatch", kind="error", status=500, times=30)
    stack.post('{"data": 1}', hawk_at=time.time() - 600)
    time.sleep(max(0.0, end - time.monotonic()))
    stack.no_faults()
    print(f"Sent: {dict(sorted(stack.answers.items()))}", flush=True)
    return [f"{name} fires although nothing is wrong" for name in sorted(unexpected)]


def without_data(stack: "Stack", alerts: list[dict], panels: list[tuple[str, str]], since: float) -> list[str]:
    """Lists the expressions without data. For alerts: each side of comparisons, `and`, `or` and `unless`."""
    asked = [(f"alert {alert['alert']}", part) for alert in alerts for part in sides(in_short(alert)["expr"])]
    asked += [(f"panel {title}", expression) for title, expression in panels]
    absent = []
    for name, expression in asked:
        numbers = stack.numbers(expression, since)
        if not numbers:
            absent.append(f"{name}: no data for {' '.join(expression.split())}")
    print(f"Expressions: {len(asked)} queried, {len(asked) - len(absent)} with data.\n", flush=True)
    return absent


def sides(expression: str) -> list[str]:
    expression = re.sub(r"absent\((.*?)\)", r"\1", expression)
    expression = re.sub(r"\s(==|!=|>=|<=|>|<)\s*[0-9.]+", "", expression)
    return re.split(r"\b(?:unless|and|or)\b(?:\s+on\s*\([^)]*\))?", expression)


def in_short(alert: dict) -> dict:
    """The same alert without `for`, and with the short window."""
    short = {name: value for name, value in alert.items() if name != "for"}
    return short | {"expr": re.sub(r"\[\d+m\]", f"[{WINDOW}]", alert["expr"])}


def provoke(stack: "Stack", alerts: list[dict]) -> list[str]:
    seen: dict[str, tuple[str, float, str]] = {}

    def expect(what: str, names: list[str], since: float) -> None:
        missing = list(names)
        while missing and time.monotonic() < since + PATIENCE:
            time.sleep(0.5)
            for name, text in stack.firing().items():
                if name in missing:
                    missing.remove(name)
                    seen[name] = (what, time.monotonic() - since, text)

    def quiet(names: list[str]) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and stack.firing().keys() & set(names):
            time.sleep(0.5)

    stack.discard_invalid()
    quiet([alert["alert"] for alert in alerts])

    since = time.monotonic()
    stack.garbage()
    expect("a message that is not JSON", ["MessageSetAside", "InvalidMessagesWaiting"], since)

    since = time.monotonic()
    denied = {"kind": "error", "status": 403, "code": "AccessDeniedException"}
    stack.fault(action="ReceiveMessage", queue=f"{QUEUE}-invalid", **denied)
    expect("SQS denies the invalid queue", ["InvalidMessagesNotKept"], since)
    stack.no_faults()

    since = time.monotonic()
    for _ in range(60):
        stack.post('{"data": 1}', signature="0")
    expect("60 requests with a wrong signature", ["BadSignatures"], since)

    since = time.monotonic()
    for _ in range(15):
        stack.post('{"data": 1}', hawk_at=time.time() - 600)
        time.sleep(0.2)
    expect("15 Hawk requests of ten minutes ago", ["HawkClock"], since)

    since = time.monotonic()
    for _ in range(10):
        stack.begin_export().close()
        time.sleep(0.3)
    expect("10 clients leave during an export", ["ExportsBreak"], since)
    quiet(["ExportsBreak"])

    since = time.monotonic()
    held = stack.begin_export()
    for _ in range(30):
        stack.read("?format=csv&limit=1")
    expect("an export takes the only place", ["ReaderBusy", "ManyReadsFail"], since)
    held.close()

    since = time.monotonic()
    psql(stack.database, "alter function note_audit(jsonb) rename to gone")
    expect("the function note_audit is missing", ["ReaderCannotNote"], since)
    psql(stack.database, "alter function gone(jsonb) rename to note_audit")

    since = time.monotonic()
    stack.fault(action="SendMessageBatch", kind="delay", ms=2000)
    expect("SQS takes 2 s to confirm", ["SlowAcknowledgement"], since)
    stack.no_faults()

    since = time.monotonic()
    stack.fault(action="SendMessageBatch", kind="error", status=500)
    expect("SQS answers sends with 500", ["ManyRefusedWith5xx"], since)
    stack.no_faults()
    quiet(["ApiCannotSend", "ManyRefusedWith5xx"])

    since = time.monotonic()
    stack.stop("local-sqs")
    expect("SQS is gone", ["ApiCannotSend", "WorkerCannotReceive"], since)
    stack.start_sqs()
    quiet(["ApiCannotSend", "WorkerCannotReceive"])

    since = time.monotonic()
    stack.fault(action="ReceiveMessage", kind="error", status=500)
    time.sleep(36)
    stack.no_faults()
    expect("SQS gives no messages for 36 s", ["FormsStoredLate"], since)
    quiet(["WorkerCannotReceive", "NothingStored"])

    since = time.monotonic()
    stack.fault(action="DeleteMessageBatch", kind="error", status=403, code="AccessDeniedException")
    stack.fault(action="ReceiveMessage", queue=QUEUE, kind="duplicate", times=60)
    what = "SQS denies deletes, messages repeat"
    expect(what, ["WorkerCannotDelete", "MessageDeliveredOften"], since)
    stack.no_faults()
    quiet(["WorkerCannotDelete"])

    # A message that it cannot set aside is still in flight when the worker freezes, and when it goes on.
    stack.fault(action="SendMessageBatch", queue=f"{QUEUE}-invalid", kind="hang")
    stack.fault(action="ChangeMessageVisibilityBatch", kind="hang")
    stack.garbage()
    time.sleep(3)
    since = time.monotonic()
    stack.signal("worker", signal.SIGSTOP)
    expect("the worker is frozen for 25 s", ["TargetDown"], since)
    time.sleep(max(0.0, since + 25 - time.monotonic()))
    stack.signal("worker", signal.SIGCONT)
    expect("the worker is frozen for 25 s", ["HeldTooLong"], since)
    stack.no_faults()
    quiet(["TargetDown", "NothingStored"])

    # The api looks at the queue's attributes once SQS refuses a form because of its size.
    since = time.monotonic()
    stack.set_attributes(MessageRetentionPeriod="345600", MaximumMessageSize="1024")
    stack.post(json.dumps({"data": "x" * 2000}))
    expect("the form queue keeps messages for 4 days", ["RetentionTooShort"], since)

    since = time.monotonic()
    psql(stack.database, "alter function is_erased rename to gone")
    expect("the function is_erased is missing", ["ErasedNotRecognised"], since)
    psql(stack.database, "alter function gone rename to is_erased")

    since = time.monotonic()
    with WriterHeldOpen(stack) as held:
        expect("an insert stays open for 30 s", ["ReadersHeldBack"], since)
        time.sleep(max(0.0, since + 30 - time.monotonic()))
    faults = held.faults()

    since = time.monotonic()
    psql(stack.database, "alter function record_schema(text, text) rename to elsewhere")
    stack.stop("worker")
    stack.start_worker()
    expect("a schema cannot be recorded", ["NotPublished"], since)
    psql(stack.database, "alter function elsewhere(text, text) rename to record_schema")
    quiet(["NotPublished", "NothingStored", "TargetDown"])

    since = time.monotonic()
    stack.stop_postgresql()
    expect("PostgreSQL is stopped", ["WorkerCannotStore", "NothingStored", "ReaderNotReady"], since)

    print(f"{'alert':21} {'provoked by':38} {'fired after':>11}  its text")
    for alert in alerts:
        name = alert["alert"]
        what, after, text = seen.get(name, ("", 0.0, ""))
        print(f"{name:21} {what or 'NOT SEEN':38} {after:9.1f} s  {text}")
        if name not in seen:
            faults.append(f"{name} was provoked but did not fire")
        elif "<no value>" in text or "<error expanding" in text:
            faults.append(f"{name} has a text with a placeholder that has no value: {text}")
    return faults


class WriterHeldOpen:
    """A transaction that has inserted a row and stays open, and what readers and other writers notice meanwhile."""

    def __init__(self, stack: "Stack") -> None:
        self.stack = stack
        # When each look was, the last stored row, and the last row that readers see.
        self.looks: list[tuple[float, int, int]] = []
        self.done = threading.Event()

    def __enter__(self) -> "WriterHeldOpen":
        self.transaction = self.stack.insert_that_stays_open()
        # Until then readers may see some more rows.
        time.sleep(2)
        self.answers = dict(self.stack.answers)
        self.looking = threading.Thread(target=self.look_on, daemon=True)
        self.looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.looking.join()
        self.answers = {status: n - self.answers.get(status, 0) for status, n in self.stack.answers.items()}
        self.transaction.kill()
        self.transaction.wait()

    def look_on(self) -> None:
        while not self.done.wait(0.2):
            self.looks.append((time.monotonic(), *self.look()))

    def look(self) -> tuple[int, int]:
        # As readers do: through the view.
        columns = "(select max(id) from forms), (select max(id) from submissions.form)"
        stored, readable = psql(self.stack.database, f"select {columns}").split("|")
        return int(stored), int(readable)

    def faults(self) -> list[str]:
        first, last = self.looks[0], self.looks[-1]
        new = [look for before, look in zip(self.looks, self.looks[1:]) if look[1] > before[1]]
        moments = [first[0], *(look[0] for look in new), last[0]]
        longest = max(later - earlier for earlier, later in zip(moments, moments[1:]))
        others = {status: n for status, n in self.answers.items() if n and status != "202"}
        end = time.monotonic() + PATIENCE
        while (caught_up := self.look()[1] >= last[1]) is False and time.monotonic() < end:
            time.sleep(0.1)
        print(
            f"A writer that stays open for {last[0] - first[0]:.0f} s: {last[1] - first[1]} rows stored meanwhile, "
            f"{last[2] - first[2]} of them seen by readers; no row for {longest:.1f} s at most.",
            flush=True,
        )
        faults = {
            "a writer that stays open does not hold readers back": last[2] > first[2],
            f"no form was stored for {longest:.1f} s while a writer stayed open": longest > LONGEST_PAUSE,
            f"the api did not take all forms while a writer stayed open: {others}": bool(others),
            "readers do not see what was stored while a writer stayed open": not caught_up,
        }
        return [text for text, is_fault in faults.items() if is_fault]


# --- The processes ---


class Stack:
    """local-sqs, the database, api, worker, reader and Prometheus, and senders and a client that go on until the stack stops."""

    def __init__(self, binaries: Path, prometheus: str, directory: Path) -> None:
        self.binaries, self.directory = binaries, directory
        self.running: dict[str, subprocess.Popen] = {}
        self.answers: dict[str, int] = {}
        self.lock, self.done = threading.Lock(), threading.Event()
        self.postgres = os.environ["TEST_POSTGRES_URL"]
        self.sqs_port, self.prometheus_port = free_port(), free_port()
        self.prometheus = prometheus

    def __enter__(self) -> "Stack":
        try:
            self.start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        for process in self.running.values():
            process.kill()
            process.wait()

    def start_all(self) -> None:
        psql(self.postgres, f'create database "{QUEUE}"')
        database = urllib.parse.urlsplit(self.postgres)._replace(path=f"/{QUEUE}").geturl()
        self.database = database
        self.start_sqs()
        common = {
            "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{self.sqs_port}",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "METRICS_ADDRESS": "127.0.0.1:0",
        }
        work = {"DATABASE_URL": database, "SQS_VISIBILITY_TIMEOUT": "120", "SQS_WAIT_TIME": "1"}
        # With a port that stays the same after a restart.
        self.work = common | work | {"METRICS_ADDRESS": f"127.0.0.1:{free_port()}"}
        intake = {"INTAKE_AUTH": "signature,hawk", "UI_SECRET": SECRET, "HAWK_CLIENTS": f"{CLIENT}:{KEY}"}
        reads = {"DATABASE_URL": database, "CREDENTIALS_KEY": CREDENTIALS_KEY, "READER_STREAMS": "1"}
        self.start("reader", reads | {"METRICS_ADDRESS": "127.0.0.1:0"})
        self.reader_port = int(self.logged("reader", r"Listening\..* port=(\d+)"))
        # Without tables it is not ready, and refuses everybody.
        self.key = ""
        self.eventually("the reader is not ready", lambda: self.read("", "/healthcheck/ready/") == 503, "reader")
        self.read()
        self.start_worker()
        self.start("api", common | intake)
        self.api_port = int(self.logged("api", r"Listening\..* port=(\d+)"))
        targets = {name: self.logged(name, r"metrics_address=(\S+)") for name in ("api", "worker", "reader")}

        config = yaml.safe_load((HERE / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        for scrape in config["scrape_configs"]:
            scrape["static_configs"] = [{"targets": [targets[scrape["job_name"]]]}]
        (self.directory / "prometheus.yml").write_text(yaml.safe_dump(config))
        rules = yaml.safe_load((HERE / "alerts.yml").read_text())
        for group in rules["groups"]:
            group["rules"] = [in_short(rule) for rule in group["rules"]]
        (self.directory / "alerts.yml").write_text(yaml.safe_dump(rules))
        self.spawn(
            "prometheus",
            [
                self.prometheus,
                f"--config.file={self.directory}/prometheus.yml",
                f"--storage.tsdb.path={self.directory}/data",
                f"--web.listen-address=127.0.0.1:{self.prometheus_port}",
                "--log.level=warn",
            ],
            {},
        )
        self.eventually("Prometheus is ready", lambda: urllib.request.urlopen(self.api("/-/ready"), timeout=5))
        # A missing queue or an unmigrated database would fire alerts.
        self.eventually("the services are up", lambda: len(self.ask("form_data_queue_up == 1")) == 2)
        self.eventually("the database is up", lambda: len(self.ask("form_data_database_up == 1")) == 1)
        self.make_client()
        for number in range(SENDERS):
            threading.Thread(target=self.send_on, args=(number,), daemon=True).start()
        threading.Thread(target=self.read_on, daemon=True).start()
        # Fill the windows with good data before judging anything.
        time.sleep(15)

    def start_sqs(self) -> None:
        # On disk, so that it still has its messages after a restart.
        self.start("local-sqs", {"PORT": str(self.sqs_port), "DATA_DIR": str(self.directory / "sqs")})

    def start_worker(self) -> None:
        self.start("worker", self.work)

    def start(self, program: str, variables: dict[str, str]) -> None:
        self.spawn(program, [self.binaries / program], {"BIND_ADDRESS": "127.0.0.1", "PORT": "0"} | variables)
        self.logged(program, r"(Listening|Serving)")

    def spawn(self, name: str, command: list, variables: dict[str, str]) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running[name] = process

    def logged(self, name: str, pattern: str) -> str:
        log = self.directory / f"{name}.log"
        return self.eventually(f"{name} logs {pattern}", lambda: re.search(pattern, log.read_text()), name).group(1)

    def eventually(self, what: str, attempt, name: str = "prometheus"):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if result := attempt():
                    return result
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"{what}: not within {PATIENCE} s\n{(self.directory / f'{name}.log').read_text()}")

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.terminate()
        process.wait()

    def signal(self, name: str, number: int) -> None:
        self.running[name].send_signal(number)

    def discard_invalid(self) -> None:
        psql(self.database, "update invalid_messages set state = 'discarded'")

    def insert_that_stays_open(self) -> subprocess.Popen:
        insert = "insert into forms (sqs_message_id, data) values ('stays open', '{}')"
        # PostgreSQL ends the session soon after psql is killed.
        noticed = "set client_connection_check_interval = '500ms'"
        statements = f"{noticed}; begin; {insert}; select pg_sleep(120)"
        command = ["psql", "-X", "-q", "-d", self.database, "-c", statements]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop_postgresql(self) -> None:
        pid = psql(self.postgres, "select pg_read_file('postmaster.pid')").split()[0]
        # SIGINT is PostgreSQL's fast shutdown: it ends all sessions.
        os.kill(int(pid), signal.SIGINT)

    # Forms

    def send_on(self, sender: int) -> None:
        number = 0
        while not self.done.wait(PACE):
            self.post(json.dumps({"data": {"company_name": f"Example {sender}-{number} Limited"}}))
            number += 1

    def post(self, body: str, signature: str | None = None, hawk_at: float | None = None) -> None:
        headers = {"Content-Type": "application/json"}
        if hawk_at is not None:
            headers["Authorization"] = hawk(int(hawk_at), self.api_port, body)
        else:
            good = hashlib.sha256(f"/form/{body}{SECRET}".encode()).hexdigest()
            headers["X-Signature"] = good if signature is None else signature
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=30)
        try:
            connection.request("POST", "/form/", body, headers)
            answer = str(connection.getresponse().status)
        except OSError as error:
            answer = type(error).__name__
        finally:
            connection.close()
        with self.lock:
            self.answers[answer] = self.answers.get(answer, 0) + 1

    # Reads

    def make_client(self) -> None:
        """A client that the reader knows, an export that is complete, and one that is not."""
        variables = {"DATABASE_URL": self.database, "CREDENTIALS_KEY": CREDENTIALS_KEY, "MANAGE_ACTOR": "check"}
        command = [self.binaries / "manage", "clients", "add", "reports", "--scope", "submissions/*", "--json"]
        made = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
        self.key = json.loads(made.stdout)["key"]
        self.eventually("the reader knows the client", lambda: self.read() == 200, "reader")
        large = f"select 'large ' || n, jsonb_build_object('data', repeat('x', 1000000)) from generate_series(1, {LARGE_ROWS}) n"
        psql(self.database, f"insert into forms (sqs_message_id, data) {large}")
        self.eventually("an export is complete", lambda: self.read("?format=csv&limit=1") == 200, "reader")
        self.begin_export().close()

    def read_on(self) -> None:
        number = 0
        while not self.done.wait(PACE):
            number += 1
            self.read("?limit=1")
            self.read("", "/healthcheck/ready/")
            if number % 10 == 0:
                self.read("?format=csv&limit=1")

    def read(self, parameters: str = "", path: str = "/api/v1/table-data/submissions/form", key: str | None = None) -> int:
        """The status of the answer; 0 if none came."""
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
        url = f"http://127.0.0.1:{self.reader_port}{path}{parameters}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, http.client.HTTPException):
            return 0

    def begin_export(self) -> socket.socket:
        """An export whose client reads only its beginning. The one before keeps its place until it is noted."""
        return self.eventually("an export begins", self.try_export, "reader")

    def try_export(self) -> socket.socket | None:
        client = socket.create_connection(("127.0.0.1", self.reader_port), timeout=30)
        path = "/api/v1/table-data/submissions/form?format=csv"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\n\r\n".encode())
        if client.recv(1000).startswith(b"HTTP/1.1 200 "):
            return client
        client.close()
        return None

    # local-sqs

    def garbage(self) -> None:
        self.sqs("SendMessage", {"QueueUrl": self.queue_url(), "MessageBody": "not JSON"})

    def set_attributes(self, **attributes: str) -> None:
        self.sqs("SetQueueAttributes", {"QueueUrl": self.queue_url(), "Attributes": attributes})

    def queue_url(self) -> str:
        return self.sqs("GetQueueUrl", {"QueueName": QUEUE})["QueueUrl"]

    def sqs(self, action: str, given: dict) -> dict:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{action}",
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/sqs/aws4_request, "
            "SignedHeaders=host, Signature=0",
        }
        return self.call_sqs("POST", "/", given, headers)

    def fault(self, **rule: object) -> None:
        self.call_sqs("POST", "/_faults", [rule], {"Content-Type": "application/json"})

    def no_faults(self) -> None:
        self.call_sqs("DELETE", "/_faults", None, {})

    def call_sqs(self, method: str, path: str, given: object, headers: dict[str, str]) -> dict:
        data = None if given is None else json.dumps(given).encode()
        url = f"http://127.0.0.1:{self.sqs_port}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith(b"{") else {}

    # Prometheus

    def api(self, path: str, **query: object) -> str:
        return f"http://127.0.0.1:{self.prometheus_port}{path}?{urllib.parse.urlencode(query)}"

    def got(self, path: str, **query: object) -> dict:
        with urllib.request.urlopen(self.api(path, **query), timeout=30) as answer:
            return json.load(answer)["data"]

    def ask(self, expression: str) -> list[dict]:
        return self.got("/api/v1/query", query=expression)["result"]

    def numbers(self, expression: str, since: float) -> list[float]:
        """The values of the expression at all times, without NaN."""
        series = self.got("/api/v1/query_range", query=expression, start=since, end=time.time(), step=1)["result"]
        values = [float(value) for line in series for _, value in line["values"]]
        return [value for value in values if value == value]

    def firing(self) -> dict[str, str]:
        """The alerts that fire, with their texts."""
        alerts = self.got("/api/v1/alerts")["alerts"]
        texts = [(alert["labels"]["alertname"], alert["annotations"]) for alert in alerts if alert["state"] == "firing"]
        return {name: f"{said['summary']} {said['description']}" for name, said in texts}


def hawk(ts: int, port: int, body: str) -> str:
    def base64_of(digest: bytes) -> str:
        return base64.b64encode(digest).decode()

    payload = base64_of(hashlib.sha256(f"hawk.1.payload\napplication/json\n{body}\n".encode()).digest())
    nonce = secrets.token_hex(8)
    text = f"hawk.1.header\n{ts}\n{nonce}\nPOST\n/form/\n127.0.0.1\n{port}\n{payload}\n\n"
    mac = base64_of(hmac.digest(KEY.encode(), text.encode(), "sha256"))
    return f'Hawk id="{CLIENT}", ts="{ts}", nonce="{nonce}", hash="{payload}", mac="{mac}"'


def psql(url: str, command: str) -> str:
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", command]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
