//! `scanyard users`.

use crate::exit::{Exit, Failure};
use crate::options::Settings;
use crate::output;
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use console::Term;
use scanyard_contract::hidden::Hidden;
use scanyard_contract::user::Role;
use scanyard_server::password;
use scanyard_server::store::{Clock, Store};
use scanyard_server::user::{NewUser, create_user};
use std::io::{BufRead, IsTerminal};

/// Manage users, directly on the database
#[derive(Args)]
#[command(after_help = "Example:
  scanyard users create ada@example.test --role owner")]
pub struct UsersArgs {
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Subcommand)]
enum UsersCommand {
    Create(Box<CreateArgs>),
}

/// Make a user who can log in, and print its id
///
/// Works beside a running server: both open the database of --data-dir or --database-url. The password is the one
/// in SCANYARD_USER_PASSWORD; without it, and without an option that says where it is, one is generated and printed on a
/// second line, once.
#[derive(Args)]
#[command(after_help = "Examples:
  scanyard users create ada@example.test --role owner
  scanyard users create bob@example.test --role analyst --tenant example-org --ask-password
  pass show scanyard | scanyard users create eve@example.test --role viewer --password-stdin")]
struct CreateArgs {
    /// The e-mail address to log in with
    email: String,
    /// What the user is: owner, admin, analyst or viewer
    #[arg(long, value_parser = role)]
    role: Role,
    /// The tenant that the user belongs to, by its name
    #[arg(long, default_value = "default")]
    tenant: String,
    /// What the user is called
    #[arg(long)]
    name: Option<String>,
    /// Read the password from the first line of the standard input
    #[arg(long, conflicts_with = "ask_password")]
    password_stdin: bool,
    /// Ask for the password at the terminal, twice
    #[arg(long)]
    ask_password: bool,
    #[command(flatten)]
    settings: Settings,
}

/// The variable that can hold the password.
const PASSWORD_VARIABLE: &str = "SCANYARD_USER_PASSWORD";

fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|()| format!("there are the roles {}", Role::words()))
}

/// Makes the user.
pub async fn run(args: UsersArgs) -> Result<Exit, Failure> {
    let UsersCommand::Create(args) = args.command;
    let given = given_password(&args)?;
    let generated = match &given {
        Some(_) => None,
        None => Some(Hidden::new(password::generate().context("generating a password")?)),
    };
    let password = given.or_else(|| generated.clone()).unwrap_or_default();
    let config = args.settings.load()?.config;
    let new = NewUser { email: args.email, name: args.name, role: args.role, password };
    new.check().map_err(|fault| Failure::usage(anyhow!("{fault}")))?;
    let store = Store::open_beside(config.store_options(Clock::System)).await.context("opening the database")?;
    let made = create_user(&store, &args.tenant, new).await;
    store.close().await;
    let user = made.context("making the user")?;
    output::print(&format!("{}\n", user.id))?;
    if let Some(generated) = generated {
        output::print(&format!("{}\n", generated.reveal()))?;
    }
    Ok(Exit::Clean)
}

/// The password from where the options say; `None`: it is to be generated.
fn given_password(args: &CreateArgs) -> Result<Option<Hidden>, Failure> {
    if args.password_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("reading the password")?;
        return Ok(Some(Hidden::new(line.trim_end_matches(['\r', '\n']))));
    }
    if args.ask_password {
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage(anyhow!("there is no terminal to ask at; take --password-stdin")));
        }
        let ask = |prompt: &str| -> anyhow::Result<String> {
            let terminal = Term::stderr();
            terminal.write_str(prompt).context("asking for the password")?;
            terminal.read_secure_line().context("reading the password")
        };
        let (first, again) = (ask("Password: ")?, ask("Once more: ")?);
        if first != again {
            return Err(Failure::usage(anyhow!("the two are not the same")));
        }
        return Ok(Some(Hidden::new(first)));
    }
    // There is no option for it: everybody on the machine could read it there.
    Ok(std::env::var(PASSWORD_VARIABLE).ok().filter(|password| !password.is_empty()).map(Hidden::new))
}
