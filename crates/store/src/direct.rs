//! Connections outside the pool.

use diesel::{Connection as _, PgConnection, connection::SimpleConnection};
use secrecy::ExposeSecret;

use crate::{
    connection_string::ConnectionString,
    session::end_if_abandoned,
    unavailable::{Unavailable, UnavailableKind},
};

/// A connection whose session has no time limits yet, except for idle transactions.
pub(crate) fn connect(target: &ConnectionString) -> Result<PgConnection, Unavailable> {
    let mut connection =
        PgConnection::establish(target.as_secret().expose_secret()).map_err(|error| {
            Unavailable::because(UnavailableKind::ConnectionFailed, &error.to_string())
        })?;
    connection.batch_execute(&end_if_abandoned(false))?;
    Ok(connection)
}
