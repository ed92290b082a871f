//! `bench`, as `make bench` and `make count` call it.

#![allow(
    clippy::expect_used,
    reason = "a measurement whose surroundings fail has nothing better to do"
)]

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use bench::{
    count, intake, machine, null_sink,
    report::{self, Sweeps},
    surroundings::{Build, Ground, Side},
    table::{self, Measured},
    through,
    work::{self, Until},
};
use test_kit::fauxqs::Fauxqs;

const USAGE: &str = "usage: bench [count] [--programs DIR] [--base DIR] [--base-name NAME] [--backlog MESSAGES] \
                     [--docs DIR] [--quick]";
const ROUND_TRIP: Duration = Duration::from_millis(20);

struct Arguments {
    counts: bool,
    /// Where api, worker and both builds of local-sqs are; by default beside this program.
    programs: PathBuf,
    /// Where api and worker of another revision are.
    base: Option<PathBuf>,
    base_name: String,
    backlog: u64,
    /// Where the document goes; none is written without.
    docs: Option<PathBuf>,
    is_quick: bool,
}

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("null-sink") {
        return Ok(null_sink::serve()?);
    }
    let arguments = Arguments::read()?;
    let ground = Ground::prepare(arguments.programs.clone(), arguments.is_quick)?;
    let current = Side { name: "current".to_owned(), services: arguments.programs.clone() };
    let base =
        arguments.base.clone().map(|services| Side { name: arguments.base_name.clone(), services });
    let sides: Vec<Side> = [Some(current), base].into_iter().flatten().collect();
    if arguments.counts {
        let profiles = arguments.programs.join("profiles");
        return count::count(
            &ground,
            &sides,
            &profiles,
            &arguments.docs.context("--docs is missing")?,
        );
    }
    run(&ground, &sides, &arguments)
}

impl Arguments {
    fn read() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let beside = own.parent().context("this program lies somewhere")?.to_owned();
        let mut arguments = Self {
            counts: false,
            programs: beside,
            base: None,
            base_name: "base".to_owned(),
            backlog: 200_000,
            docs: None,
            is_quick: false,
        };
        let mut given = std::env::args().skip(1);
        while let Some(argument) = given.next() {
            let mut value = || given.next().context(USAGE);
            match argument.as_str() {
                "count" => arguments.counts = true,
                "--programs" => arguments.programs = value()?.into(),
                "--base" => arguments.base = Some(value()?.into()),
                "--base-name" => arguments.base_name = value()?,
                "--backlog" => {
                    arguments.backlog = value()?.parse().context("--backlog takes a number")?
                }
                "--docs" => arguments.docs = Some(value()?.into()),
                "--quick" => arguments.is_quick = true,
                _ => bail!(USAGE),
            }
        }
        Ok(arguments)
    }
}

/// Measures everything, each thing of all revisions before the next thing.
fn run(ground: &Ground, sides: &[Side], arguments: &Arguments) -> anyhow::Result<()> {
    let facts = machine::facts(ground)?;
    for (what, value) in &facts {
        println!("{what}: {value}");
    }
    let say = |what: &str| eprintln!("… {what}");
    let plain = (Build::Shipped, Duration::ZERO);
    let hooked = |round_trip| (Build::Hooked, round_trip);
    let of_each = |what: &str, measure: &dyn Fn(&Side) -> anyhow::Result<work::Drain>| {
        say(what);
        sides.iter().map(measure).collect::<anyhow::Result<Vec<_>>>()
    };

    say("intake: throughput");
    let connections: &[usize] = &[1, 4, 16, 64, 256];
    let sweep_of = |index| if index == 0 { connections } else { &[] };
    let throughput = sides
        .iter()
        .enumerate()
        .map(|(index, side)| intake::throughput(ground, side, sweep_of(index)));
    let throughput: Vec<_> = throughput.collect::<anyhow::Result<_>>()?;
    say("intake: latency and calls, 0 ms");
    let at_once = sides.iter().map(|side| intake::waiting(ground, side, Duration::ZERO));
    let at_once: Vec<_> = at_once.collect::<anyhow::Result<_>>()?;
    say("intake: latency and calls, 20 ms");
    let delayed = sides.iter().map(|side| intake::waiting(ground, side, ROUND_TRIP));
    let delayed: Vec<_> = delayed.collect::<anyhow::Result<_>>()?;

    let all = Until::AllStored;
    let messages = ground.amount(arguments.backlog);
    let backlog =
        of_each("worker: backlog", &|side| work::drain(ground, side, plain, messages, &[], all))?;
    let few = ground.amount(60_000);
    let one = [("WORKER_CONNECTIONS", "1")];
    let one_connection = of_each("worker: one connection", &|side| {
        work::drain(ground, side, plain, few, &one, all)
    })?;
    say("worker: the bare insert loop");
    let bare = one_connection.iter().map(|drain| {
        let rows = (drain.batch.round() as usize).max(1);
        anyhow::Ok((work::bare_loop(ground, rows, few)?, work::bare_loop(ground, 500, few)?))
    });
    let bare: Vec<_> = bare.collect::<anyhow::Result<_>>()?;
    let counted = of_each("worker: calls", &|side| {
        work::drain(ground, side, hooked(Duration::ZERO), ground.amount(30_000), &[], all)
    })?;
    let a_while = Until::After(ground.seconds(4.0));
    let drain_delayed = of_each("worker: 20 ms", &|side| {
        work::drain(ground, side, hooked(ROUND_TRIP), few, &[], a_while)
    })?;

    say("from the POST to the row");
    let through: Vec<_> =
        sides.iter().map(|side| through::through(ground, side)).collect::<anyhow::Result<_>>()?;
    say("with fauxqs");
    let fauxqs: Vec<_> =
        sides.iter().map(|side| with_fauxqs(ground, side)).collect::<anyhow::Result<_>>()?;

    let mut measured = Vec::new();
    let parts = throughput.into_iter().zip(at_once).zip(delayed).zip(backlog).zip(one_connection);
    let parts = parts.zip(bare).zip(counted).zip(drain_delayed).zip(through).zip(fauxqs);
    for part in parts {
        let (
            (
                (
                    (
                        (((((throughput, at_once), delayed), backlog), one_connection), bare),
                        counted,
                    ),
                    late,
                ),
                through,
            ),
            fauxqs,
        ) = part;
        measured.push(Measured {
            throughput,
            at_once,
            delayed,
            backlog,
            backlog_messages: messages,
            one_connection,
            bare,
            counted,
            drain_delayed: late,
            through,
            fauxqs,
        });
    }
    let names: Vec<String> = sides.iter().map(|side| side.name.clone()).collect();
    let table = table::markdown(&table::rows(&measured), &names);
    println!("\n{table}");

    if let (Some(docs), Some(measured), Some(side)) =
        (&arguments.docs, measured.first(), sides.first())
    {
        say("worker: pollers and batches");
        let sweeps = sweep(ground, side)?;
        report::write(docs, &facts, &table, measured, &sweeps)?;
    }
    Ok(())
}

/// Accepted and stored per second, `None` where fauxqs is not installed.
fn with_fauxqs(ground: &Ground, side: &Side) -> anyhow::Result<Option<(f64, f64)>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "no service's setting: the Makefile says where fauxqs is"
    )]
    if std::env::var_os("TEST_NODE_MODULES").is_none() {
        return Ok(None);
    }
    let fauxqs = Fauxqs::start();
    let api = ground.api(side, &fauxqs.endpoint());
    let mut accepted = 0;
    let warm_up = intake::saturate(ground, &api, 64, ground.seconds(1.0))?;
    let taken = intake::saturate(ground, &api, 64, ground.seconds(4.0))?;
    accepted += warm_up.accepted + taken.accepted;
    drop(api);
    let until = Until::After(ground.seconds(8.0));
    let drain = work::drain_from(ground, side, &fauxqs.endpoint(), accepted, &[], until)?;
    Ok(Some((taken.per_second, drain.per_second)))
}

fn sweep(ground: &Ground, side: &Side) -> anyhow::Result<Sweeps> {
    let a_while = Until::After(ground.seconds(3.0));
    let mut pollers = Vec::new();
    for count in [1, 2, 4, 8, 16] {
        let value = count.to_string();
        let variables = [("WORKER_POLLERS", value.as_str())];
        let rate = |messages, round_trip| {
            let on = (Build::Hooked, round_trip);
            anyhow::Ok(
                work::drain(ground, side, on, ground.amount(messages), &variables, a_while)?
                    .per_second,
            )
        };
        pollers.push((count, rate(45_000, Duration::ZERO)?, rate(30_000, ROUND_TRIP)?));
    }
    let mut batches = Vec::new();
    for rows in [10, 30, 100, 300, 1000] {
        let value = rows.to_string();
        let variables = [("WORKER_CONNECTIONS", "1"), ("WORKER_BATCH_ROWS", value.as_str())];
        let on = (Build::Shipped, Duration::ZERO);
        let drain = work::drain(ground, side, on, ground.amount(45_000), &variables, a_while)?;
        batches.push((
            rows,
            drain.per_second,
            work::bare_loop(ground, rows, ground.amount(30_000))?,
        ));
    }
    Ok(Sweeps { pollers, batches })
}
