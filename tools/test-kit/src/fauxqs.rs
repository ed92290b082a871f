//! fauxqs from npm, an SQS server that we did not write.

use std::{io::Write, path::PathBuf, process::Command};

use tempfile::NamedTempFile;

use crate::program::Service;

/// Starts fauxqs on 127.0.0.1 only. By itself it listens on every address.
const WRAPPER: &str = "
const net = require('node:net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (options, ...rest) {
  return listen.call(this, typeof options === 'object' ? { ...options, host: '127.0.0.1' } : options, ...rest);
};
import(process.env.FAUXQS).then(async ({ startFauxqs }) => {
  const server = await startFauxqs({ port: 0, logger: false });
  console.error(`port=${server.port} `);
});
";

pub struct Fauxqs {
    service: Service,
    _script: NamedTempFile,
}

impl Fauxqs {
    /// Starts it from the directory that `TEST_NODE_MODULES` names.
    ///
    /// # Panics
    /// The variable is unset, or fauxqs does not start.
    #[expect(
        clippy::disallowed_methods,
        reason = "not a service's setting: make test sets it for the tests"
    )]
    pub fn start() -> Self {
        let modules =
            std::env::var("TEST_NODE_MODULES").expect("TEST_NODE_MODULES is set: run `make test`");
        let modules = PathBuf::from(modules);
        let mut script =
            tempfile::Builder::new().suffix(".cjs").tempfile().expect("a file for a script");
        script.write_all(WRAPPER.as_bytes()).expect("a script is written");
        let mut command = Command::new(modules.join("node/bin/node"));
        command.env_clear().env("FAUXQS", modules.join("fauxqs/dist/app.js")).arg(script.path());
        Self { service: Service::spawn("fauxqs", &mut command), _script: script }
    }

    pub fn endpoint(&self) -> String {
        self.service.url("")
    }
}
