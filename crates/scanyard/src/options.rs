//! The settings as options: one per leaf of the default file, made from it.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use scanyard_server::config::{Layers, Loaded, settings};
use std::path::PathBuf;

/// Settings given as options, by name, in the order given.
///
/// Not `Debug`, like all that holds it: a setting can be a secret.
#[derive(Clone, Default)]
pub struct SettingOptions(Vec<(String, String)>);

/// Where the settings of a command come from.
#[derive(Clone, Args)]
pub struct Settings {
    /// File of settings; `scanyard serve --print-config` prints one to start from
    #[arg(long, value_name = "FILE", env = "SCANYARD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting by its name in the file; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    #[command(flatten)]
    pub options: SettingOptions,
}

impl Settings {
    /// Lays option over environment over file over default; warns on stderr.
    pub fn load(self) -> Result<Loaded, crate::exit::Failure> {
        let options = self.set.into_iter().chain(self.options.0).collect();
        let loaded = Layers::of_process(self.config, options).load().map_err(crate::exit::Failure::usage)?;
        for warning in &loaded.warnings {
            eprintln!("warning: {warning}");
        }
        Ok(loaded)
    }
}

/// Reads `name=value`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        Some(_) | None => Err("write it as name=value".to_string()),
    }
}

impl FromArgMatches for SettingOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = settings().iter().filter_map(|setting| {
            let value = matches.try_get_one::<String>(&setting.name).ok()??;
            Some((setting.name.clone(), value.clone()))
        });
        Ok(SettingOptions(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = SettingOptions::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SettingOptions {
    fn augment_args(command: Command) -> Command {
        settings().iter().fold(command, |command, setting| {
            let default = match setting.default_text() {
                text if text.is_empty() => text,
                text => format!(" [default: {text}]"),
            };
            command.arg(
                Arg::new(setting.name.as_str())
                    .long(setting.option.as_str())
                    .value_name("VALUE")
                    .allow_hyphen_values(true)
                    .help_heading("Settings")
                    .help(format!("{}{default} [env: {}]", setting.doc, setting.env)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        SettingOptions::augment_args(command)
    }
}
