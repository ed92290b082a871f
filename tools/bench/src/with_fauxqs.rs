//! The services on fauxqs, a queue server that we did not write.

use anyhow::Result;
use test_kit::fauxqs::Fauxqs;

use crate::{
    drain::{DrainOptions, Until, drain_queue_at},
    intake::saturate,
    lab::{Lab, Revision},
};

pub struct WithFauxqs {
    pub accepted_per_second: f64,
    pub stored_per_second: f64,
}

/// `None` if fauxqs is not installed.
pub fn measure(lab: &Lab, revision: &Revision) -> Result<Option<WithFauxqs>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "not a setting of a service: the Makefile passes the directory of fauxqs"
    )]
    if std::env::var_os("TEST_NODE_MODULES").is_none() {
        return Ok(None);
    }
    let fauxqs = Fauxqs::start();
    let api = lab.api(revision, &fauxqs.endpoint());
    let warm_up = saturate(lab, &api, 64, lab.seconds(1.0))?;
    let outcome = saturate(lab, &api, 64, lab.seconds(4.0))?;
    drop(api);
    let messages = warm_up.accepted + outcome.accepted;
    let options = DrainOptions { until: Until::After(lab.seconds(8.0)), ..DrainOptions::default() };
    let database = lab.database_of(revision)?;
    let drained = drain_queue_at(&fauxqs.endpoint(), &database, lab, revision, messages, &options)?;
    lab.drop_database(&database)?;
    Ok(Some(WithFauxqs {
        accepted_per_second: outcome.per_second,
        stored_per_second: drained.per_second,
    }))
}
