//! The command line.

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, TWO_AND_TWO};

#[test]
fn help_goes_to_stdout_and_wrong_usage_to_stderr_with_exit_code_2() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO)]);
    let help = sandbox.run(&["--help"], &[]);
    assert_eq!(help.stdout, sandbox.run(&["env.json", "-h"], &[]).stdout);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    assert_snapshot!(help.stdout, @r#"
    Usage: env-writer CONFIG.json...

    Writes one file of NAME=value lines for each CONFIG.json, from host variables named PREFIX_NAME:

        {
          "host_env_var_prefix": "DIRECTORY_FORM_DATA",
          "file_path": ".env",
          "env_vars": {"required": ["UI_SECRET"], "optional": ["SECRET_KEY"]}
        }

    file_path is relative to the current directory. Every file is checked before any file is written.
    In an optional name, one * stands for one or more characters: SQS_*_QUEUE_NAME matches every host
    variable of that form.
    If a host variable starts with the prefix but no CONFIG.json lists it, a warning on stderr names it.

    Exit codes:
      0  all files are written
      1  something is wrong, and stderr lists every problem
      2  wrong usage
    "#);

    assert_eq!(
        sandbox.run(&[], &[]).failed(2),
        format!("Name at least one CONFIG.json.\n{}", help.stdout)
    );
    assert_eq!(
        sandbox.run(&["env.json", "--force"], &[]).failed(2),
        format!("Unknown option: --force\n{}", help.stdout)
    );
    assert_eq!(sandbox.files(), ["env.json"]);
}

#[test]
fn the_reference_page_shows_the_help() {
    let help = Sandbox::with(&[]).run(&["--help"], &[]).stdout;
    let block = format!("```text\n{help}```");
    test_kit::reference::check("command-lines.md", "env-writer", &block);
}
