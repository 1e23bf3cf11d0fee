//! Completion for shells.

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};

const INSTRUCTIONS: &str = "\
For this shell only:
  source <(sensorstream completion bash)
For every one to come:
  bash:  sensorstream completion bash > ~/.local/share/bash-completion/completions/sensorstream
  zsh:   sensorstream completion zsh > \"${fpath[1]}/_sensorstream\"
  fish:  sensorstream completion fish > ~/.config/fish/completions/sensorstream.fish
  PowerShell:  sensorstream completion powershell | Out-String | Invoke-Expression

`kubectl sensorstream` is completed where kubectl is, by the program kubectl_complete-sensorstream in the PATH:
  printf '#!/bin/sh\\nexec sensorstream completion --kubectl \"$@\"\\n' > ~/.local/bin/kubectl_complete-sensorstream
  chmod +x ~/.local/bin/kubectl_complete-sensorstream";

/// Print a script that completes the command line in a shell
#[derive(clap::Args)]
#[command(after_help = INSTRUCTIONS)]
pub struct Arguments {
    /// The shell
    #[arg(required_unless_present = "kubectl")]
    shell: Option<Shell>,
    /// Complete these words for kubectl instead: of `kubectl sensorstream`, the last one as far as it is typed
    #[arg(long, value_name = "WORDS", num_args = 0.., allow_hyphen_values = true, hide = true)]
    kubectl: Option<Vec<String>>,
}

/// Prints it.
pub fn run(arguments: &Arguments) {
    let mut command = crate::CommandLine::command();
    if let Some(words) = &arguments.kubectl {
        for candidate in candidates(&mut command, words) {
            println!("{candidate}");
        }
        // What else may follow: files, as a shell completes them.
        println!(":0");
    } else if let Some(shell) = arguments.shell {
        let name = command.get_name().to_owned();
        generate(shell, &mut command, name, &mut std::io::stdout());
    }
}

/// What may come in the place of the last word.
fn candidates(command: &mut Command, words: &[String]) -> Vec<String> {
    command.build();
    let (begun, before) = words
        .split_last()
        .map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let mut at: &Command = command;
    for word in before {
        if let Some(next) = at.find_subcommand(word) {
            at = next;
        }
    }
    let subcommands = at.get_subcommands().filter(|sub| !sub.is_hide_set());
    let flags = at
        .get_arguments()
        .filter(|argument| !argument.is_hide_set());
    let flags = flags.filter_map(|argument| Some(format!("--{}", argument.get_long()?)));
    let all = subcommands
        .map(|sub| sub.get_name().to_owned())
        .chain(flags);
    let mut fitting: Vec<String> = all
        // Flags are many; they are wanted where one has been begun.
        .filter(|candidate| {
            candidate.starts_with(begun) && (begun.starts_with('-') || !candidate.starts_with('-'))
        })
        .collect();
    fitting.sort();
    fitting.dedup();
    fitting
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::*;

    fn after(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        candidates(&mut crate::CommandLine::command(), &words)
    }

    #[test]
    fn the_command_line_is_sound() {
        crate::CommandLine::command().debug_assert();
    }

    #[test]
    fn every_shell_gets_a_script_that_knows_the_commands() {
        for shell in [
            Shell::Bash,
            Shell::Zsh,
            Shell::Fish,
            Shell::PowerShell,
            Shell::Elvish,
        ] {
            let mut script = Vec::new();
            generate(
                shell,
                &mut crate::CommandLine::command(),
                "sensorstream",
                &mut script,
            );
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("dead-letters"), "{shell}");
        }
    }

    #[test]
    fn kubectl_is_told_what_may_follow() {
        assert_eq!(after(&["sta"]), ["status"]);
        assert_eq!(after(&["dead-letters", "re"]), ["replay"]);
        assert_eq!(after(&["status", "--w"]), ["--watch"]);
        assert_eq!(after(&["status", "x", "--out"]), ["--output"]);
    }
}
