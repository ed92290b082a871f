"""Calls every action of a local-sqs with boto3, a client that others wrote, which reads the answers
by Amazon's own model of the service. boto3 leaves checking the MD5s to its user, so this program
computes them as the developer guide says.

Usage: boto3_client.py <port>. Exits with 0 if every answer is what Amazon SQS would give.
"""

import hashlib
import json
import struct
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def client(port):
    return boto3.client(
        "sqs",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="eu-west-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
    )


def fails_with(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response
    raise AssertionError(f"expected {code}, but the call succeeded")


def md5(data):
    return hashlib.md5(data.encode()).hexdigest()


def md5_of_attributes(attributes):
    digest = hashlib.md5()
    for name in sorted(attributes):
        attribute = attributes[name]
        text = attribute.get("StringValue")
        value = attribute["BinaryValue"] if text is None else text.encode()
        for part in (name.encode(), attribute["DataType"].encode()):
            digest.update(struct.pack("!I", len(part)) + part)
        digest.update((b"\x02" if text is None else b"\x01") + struct.pack("!I", len(value)) + value)
    return digest.hexdigest()


def queues(sqs):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    attributes = {"VisibilityTimeout": "30", "MaximumMessageSize": "2048"}
    url = sqs.create_queue(QueueName="boto", Attributes=attributes)["QueueUrl"]
    assert url.endswith("/000000000000/boto"), url
    assert sqs.create_queue(QueueName="boto", Attributes=attributes)["QueueUrl"] == url
    assert sqs.create_queue(QueueName="boto")["QueueUrl"] == url
    fails_with("QueueAlreadyExists", sqs.create_queue, QueueName="boto", Attributes={"VisibilityTimeout": "31"})
    assert sqs.get_queue_url(QueueName="boto")["QueueUrl"] == url
    missing = fails_with("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="missing")
    assert missing["Error"]["QueryErrorCode"] == "QueueDoesNotExist", missing
    try:
        sqs.get_queue_url(QueueName="missing")
    except sqs.exceptions.QueueDoesNotExist:
        pass
    assert sqs.list_queues(QueueNamePrefix="bo")["QueueUrls"] == [url]
    pages = sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1})
    assert [page["QueueUrls"] for page in pages] == [[url], [dead]]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"deadLetterTargetArn": arn, "maxReceiveCount": 2}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy), "DelaySeconds": "0"})
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["RedrivePolicy"]) == policy, attributes
    assert attributes["MaximumMessageSize"] == "2048", attributes
    assert attributes["QueueArn"] == "arn:aws:sqs:eu-west-1:000000000000:boto", attributes
    return url, dead


ATTRIBUTES = {
    "text": {"DataType": "String", "StringValue": "Grüße, 世界 🦀"},
    "trace.parent": {"DataType": "String.w3c", "StringValue": "00-ab-cd-01"},
    "count": {"DataType": "Number.int", "StringValue": "-42"},
    "raw": {"DataType": "Binary.bytes", "BinaryValue": bytes(range(256))},
}


def one_message(sqs, url):
    body = 'quotes " and \\ and \t\n and 世界 🦀'
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5e3d83c1-e6a0db584850d61342823d4c"}}
    sent = sqs.send_message(
        QueueUrl=url, MessageBody=body, MessageAttributes=ATTRIBUTES, MessageSystemAttributes=trace
    )
    assert sent["MD5OfMessageBody"] == md5(body), sent
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES), sent
    assert sent["MD5OfMessageSystemAttributes"] == md5_of_attributes(trace), sent
    names = ["All"]
    received = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=names, MessageSystemAttributeNames=names, WaitTimeSeconds=1
    )["Messages"]
    assert len(received) == 1
    message = received[0]
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == body
    assert message["MD5OfBody"] == md5(body)
    assert message["MessageAttributes"] == ATTRIBUTES, message
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert message["Attributes"]["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    assert abs(int(message["Attributes"]["SentTimestamp"]) - time.time() * 1000) < 60_000
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["trace.*", "count"])
    again = again["Messages"][0]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    chosen = {name: ATTRIBUTES[name] for name in ("count", "trace.parent")}
    assert again["MessageAttributes"] == chosen, again
    assert again["MD5OfMessageAttributes"] == md5_of_attributes(chosen), again
    fails_with(
        "InvalidParameterValue",
        sqs.change_message_visibility,
        QueueUrl=url,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=0,
    )
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    fails_with("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="garbage")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def batches(sqs, url, dead):
    entries = [{"Id": f"e{n}", "MessageBody": f"body {n}", "MessageAttributes": ATTRIBUTES} for n in range(3)]
    answer = sqs.send_message_batch(
        QueueUrl=url, Entries=entries + [{"Id": "long", "MessageBody": "x" * 2049}, {"Id": "nul", "MessageBody": "\0"}]
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["e0", "e1", "e2"]
    for n, entry in enumerate(answer["Successful"]):
        assert entry["MD5OfMessageBody"] == md5(f"body {n}"), entry
        assert entry["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES), entry
    failed = {entry["Id"]: (entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]}
    assert failed == {"long": ("InvalidParameterValue", True), "nul": ("InvalidMessageContents", True)}, failed

    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["body 0", "body 1", "body 2"]
    handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(received)]
    answer = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[{**handle, "VisibilityTimeout": 0} for handle in handles]
        + [{"Id": "bad", "ReceiptHandle": "garbage", "VisibilityTimeout": 0}],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "1", "2"]
    assert answer["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"

    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2, VisibilityTimeout=0)["Messages"]
    handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(received)]
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)["Messages"]
    assert [message["Body"] for message in received] == ["body 2"], "the other two messages were received twice and have moved"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received[0]["ReceiptHandle"])

    moved = sqs.receive_message(
        QueueUrl=dead, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"]
    assert [message["Body"] for message in moved] == ["body 0", "body 1"]
    assert moved[0]["Attributes"]["DeadLetterQueueSourceArn"].endswith(":boto")
    assert moved[0]["MessageAttributes"] == ATTRIBUTES
    answer = sqs.delete_message_batch(
        QueueUrl=dead,
        Entries=[{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(moved)],
    )
    assert len(answer["Successful"]) == 2 and "Failed" not in answer, answer


def limits(sqs, url):
    prefix = "AWS.SimpleQueueService."
    entry = {"Id": "a", "MessageBody": "x"}
    send = sqs.send_message_batch
    fails_with(prefix + "EmptyBatchRequest", send, QueueUrl=url, Entries=[])
    fails_with(
        prefix + "TooManyEntriesInBatchRequest",
        send,
        QueueUrl=url,
        Entries=[{**entry, "Id": str(n)} for n in range(11)],
    )
    fails_with(prefix + "BatchEntryIdsNotDistinct", send, QueueUrl=url, Entries=[entry, entry])
    fails_with(prefix + "InvalidBatchEntryId", send, QueueUrl=url, Entries=[{**entry, "Id": "a b"}])
    big = [{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)]
    fails_with(prefix + "BatchRequestTooLong", send, QueueUrl=url, Entries=big)
    fails_with("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x" * 2049)
    fails_with("InvalidMessageContents", sqs.send_message, QueueUrl=url, MessageBody="\ufffe")
    fails_with("InvalidParameterValue", sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
    fails_with("InvalidAttributeName", sqs.set_queue_attributes, QueueUrl=url, Attributes={"Nonsense": "1"})
    fails_with("InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=url, Attributes={"DelaySeconds": "901"})


def purge_and_delete(sqs, url, dead):
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=900)
    sqs.send_message(QueueUrl=url, MessageBody="now")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert attributes == dict.fromkeys(names, "1"), attributes
    sqs.purge_queue(QueueUrl=url)
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert attributes == dict.fromkeys(names, "0"), attributes
    for queue in (url, dead):
        sqs.delete_queue(QueueUrl=queue)
        fails_with("AWS.SimpleQueueService.NonExistentQueue", sqs.send_message, QueueUrl=queue, MessageBody="x")
    assert "QueueUrls" not in sqs.list_queues()


def main(port):
    sqs = client(port)
    url, dead = queues(sqs)
    one_message(sqs, url)
    batches(sqs, url, dead)
    limits(sqs, url)
    purge_and_delete(sqs, url, dead)


main(int(sys.argv[1]))
