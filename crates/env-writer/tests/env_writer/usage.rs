//! The command line.

use insta::assert_snapshot;

use crate::TWO_AND_TWO;
use crate::sandbox::Sandbox;

#[test]
fn help_is_on_stdout_and_wrong_usage_on_stderr_with_exit_code_2() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO)]);
    let help = sandbox.run(&["--help"], &[]);
    assert_eq!(help.stdout, sandbox.run(&["env.json", "-h"], &[]).stdout);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    assert_snapshot!(help.stdout, @r#"
    Usage: env-writer CONFIG.json...

    Writes one file of NAME=value lines for each CONFIG.json, from host variables called PREFIX_NAME:

        {
          "host_env_var_prefix": "DIRECTORY_FORM_DATA",
          "file_path": ".env",
          "env_vars": {"required": ["UI_SECRET"], "optional": ["SECRET_KEY"]}
        }

    file_path is relative to the current directory. Every file is checked before any is written.
    In an optional name one * stands for one character or more: SQS_*_QUEUE_NAME is every host variable like it.
    A host variable that begins with the prefix and is in no file is told on stderr, and is no fault.
    Exit code: 0 when all files are written, 1 on a fault (stderr has all of them), 2 on wrong usage.
    "#);

    assert_eq!(
        sandbox.run(&[], &[]).failed(2),
        format!("No CONFIG.json is given.\n{}", help.stdout)
    );
    assert_eq!(
        sandbox.run(&["env.json", "--force"], &[]).failed(2),
        format!("Unknown option: --force\n{}", help.stdout)
    );
    assert_eq!(sandbox.files(), ["env.json"]);
}
