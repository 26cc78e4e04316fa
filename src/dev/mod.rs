//! The trial environment, in no packaged build: fictional data on loopback, real parts. `unefois dev` plays the main job
//! once and keeps the pages open.

mod bench;
pub mod browser;
pub mod client;
mod hasty;
pub mod identity;
mod scenario;
mod scenario_supplier;
mod site;
pub mod wire;
pub mod world;

use std::io::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use self::hasty::Hasty;
use self::world::{Founded, World};
use crate::app::{self, AppFault, Running};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::store::Sqlite;
use crate::telemetry;

pub use self::bench::{BenchOptions, bench};
pub use self::scenario::Step;

/// Options of `unefois dev`.
#[derive(Args)]
pub struct Options {
    /// End after the scenario
    #[arg(long)]
    exit: bool,
    /// Serve HTTPS from a throw-away authority
    #[arg(long)]
    tls: bool,
    /// The broker's port; any free one otherwise
    #[arg(long)]
    port: Option<u16>,
    /// Address to listen on: loopback only
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Start without playing the scenario
    #[arg(long)]
    no_scenario: bool,
}

/// Hidden options of `unefois serve`: what tests need, in no packaged build.
#[derive(Args)]
pub struct Trial {
    /// Take a demo catalogue and development identity services
    #[arg(long, hide = true)]
    trial: bool,
    /// Acknowledge releases before they are committed: what the tests must catch
    #[arg(long, hide = true, requires = "trial")]
    hasty: bool,
}

impl Trial {
    /// Starts the broker as asked.
    pub async fn serve(&self, config: &Config) -> Result<Running, AppFault> {
        if !self.hasty {
            return app::serve(config, self.trial).await;
        }
        let store = Hasty::new(Arc::new(Sqlite::open(&config.data)?));
        app::serve_on(config, Arc::new(store), Arc::new(SystemClock), self.trial).await
    }
}

/// The names of the steps that are played, in order.
pub fn steps() -> Vec<&'static str> {
    [scenario::STEPS, scenario_supplier::STEPS].concat()
}

/// Plays the main job, then the supplier's; tells each step as it is done, and ends with the first that does not hold.
pub async fn play(world: &Founded, mut told: impl FnMut(&Step)) -> Vec<Step> {
    let mut played = scenario::play(world, &mut told).await;
    if played.iter().all(|step| step.ok) {
        played.extend(scenario_supplier::play(world, &mut told).await);
    }
    played
}

/// Runs `unefois dev`.
pub async fn run(options: Options, json: bool) -> ExitCode {
    telemetry::start("warn");
    if options.address != IpAddr::from([127, 0, 0, 1]) {
        say("unefois dev: fictional data and throw-away keys are for 127.0.0.1 alone");
        return ExitCode::FAILURE;
    }
    let world = match World::make(options.tls, options.port).await {
        Ok(world) => world,
        Err(fault) => {
            say(&format!("unefois dev: {fault}"));
            return ExitCode::FAILURE;
        }
    };
    if !json {
        say(&banner(&world));
    }
    let mut steps = Vec::new();
    if !options.no_scenario {
        steps = play(&world, |step| {
            if !json {
                say(&format!("{} {:<34} {}", if step.ok { "✓" } else { "✗" }, step.name, step.detail));
            }
        })
        .await;
    }
    let held = options.no_scenario || (steps.len() == self::steps().len() && steps.iter().all(|step| step.ok));
    if json {
        let object =
            json!({"ok": held, "issuer": world.issuer, "dev_json": world.folder.join("dev.json"), "steps": steps});
        out(&object.to_string());
    }
    if !options.exit {
        if !json {
            say(&links(&world));
        }
        world.running.until_signal().await;
    }
    world.end().await;
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn banner(world: &World) -> String {
    format!(
        "Unefois, ENVIRONNEMENT D’ESSAI: fictional data, throw-away keys, everything gone at the end.\n\
         broker {}   identity services {} (persons), {} (officers)\n",
        world.issuer, world.persons, world.officers
    )
}

fn links(world: &World) -> String {
    let personas: Vec<&str> = identity::PERSONS.iter().map(|persona| persona.sub).collect();
    format!(
        "\nStill serving; end with Ctrl-C.\n\
         partners   {site}               begin here: a portal, then agencies\n\
         person     {issuer}/fr            personas: {}\n\
         officer    {issuer}/fr/registre   personas: odile-brossard, marc-etienne-lachance, sans-delegation\n\
         clients    {folder}/dev.json      keys, redirect URIs, purposes\n\
         commands   unefois export --config {folder}/unefois.toml --to /tmp/unefois-export\n\
         try        curl -s {insecure}{issuer}/.well-known/oauth-authorization-server",
        personas.join(", "),
        issuer = world.issuer,
        site = world.site,
        folder = world.folder.display(),
        insecure = if world.authority.is_some() {
            format!("--cacert {}/authority.pem ", world.folder.display())
        } else {
            String::new()
        },
    )
}

fn say(text: &str) {
    // A terminal that went away has seen enough.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn out(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
