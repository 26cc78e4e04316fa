//! The load generator: single releases over TLS in a closed loop, from a process of its own, while the server samples
//! its crypto floor beside them.
//!
//! Server CPU is that of the whole server process: sequencer and projection included. The floor is one P-256
//! verification and one P-256 signature, timed as CPU of the sampling thread.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::browser::Browser;
use super::client::{Client, Token};
use super::wire::Wire;
use super::world::World;
use super::{out, say};
use crate::app::{self, Command};
use crate::clock::{Clock as _, SystemClock};
use crate::crypto::{EcdsaKey, random, verify_es256};
use crate::jose::PrivateJwk;
use crate::policy::{Rehearsed, product_rules};
use crate::telemetry;

/// Who consents, to be released under load.
const PERSONAS: [&str; 3] = ["alice", "noe", "luc-14"];
const AGENCY: &str = "val-cendre-residents";
const PORTAL: &str = "portail-fleuve";
/// Floors timed at once.
const SAMPLE: u32 = 10;

/// Options of `unefois bench`.
#[derive(Args)]
pub struct BenchOptions {
    /// Seconds of load
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections, each with one release under way
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// The generator's work, as its own process reads it
    #[arg(long, hide = true)]
    load: Option<PathBuf>,
}

/// What the generator is told.
#[derive(Deserialize, Serialize)]
struct Load {
    issuer: String,
    authority: String,
    jwk: Value,
    redirect_uri: String,
    dpop: Value,
    tokens: Vec<(String, Value)>,
    seconds: u64,
    clients: usize,
}

/// What the generator saw: latencies in microseconds.
#[derive(Deserialize, Serialize)]
struct Seen {
    latencies: Vec<u64>,
    failed: u64,
    first_failure: Option<String>,
    seconds: f64,
}

/// Runs `unefois bench`.
pub async fn bench(options: BenchOptions, json: bool) -> ExitCode {
    telemetry::start("error");
    let done = match &options.load {
        Some(path) => generate(path).await.map(|seen| out(&seen.to_string())),
        None => {
            measure(&options).await.map(|report| if json { out(&report.to_string()) } else { out(&table(&report)) })
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say(&format!("unefois bench: {fault}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: &BenchOptions) -> Result<Value, String> {
    let world = World::make(true, None).await?;
    let measured = measure_in(&world, options).await;
    world.end().await;
    measured
}

async fn measure_in(world: &World, options: &BenchOptions) -> Result<Value, String> {
    let load = prepare(world, options).await?;
    let path = world.folder.join("load.json");
    std::fs::write(&path, load.to_string()).map_err(|fault| fault.to_string())?;
    let program = std::env::current_exe().map_err(|fault| fault.to_string())?;
    let ended = Arc::new(AtomicBool::new(false));
    let sampler = sample_floor(Arc::clone(&ended));
    let before = process_cpu_us();
    let mut generator = tokio::process::Command::new(program)
        .args(["bench", "--load"])
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|fault| fault.to_string())?;
    let mut told = String::new();
    let mut pipe = generator.stdout.take().ok_or("the generator says nothing")?;
    pipe.read_to_string(&mut told).await.map_err(|fault| fault.to_string())?;
    generator.wait().await.map_err(|fault| fault.to_string())?;
    let after = process_cpu_us();
    ended.store(true, Ordering::Relaxed);
    let (floor, sampled) = sampler.join().map_err(|_| "the floor was not sampled")??;
    let seen: Seen = serde_json::from_str(&told).map_err(|fault| format!("{fault}: {told}"))?;
    let mut measured = report(seen, (after - before).saturating_sub(sampled), floor)?;
    if let Some(members) = measured.as_object_mut() {
        members.insert("rehearsal".to_owned(), rehearse(world).await?);
    }
    Ok(measured)
}

/// The rules with one changed, under which no release of the load would have been made, rehearsed on all of them.
async fn rehearse(world: &World) -> Result<Value, String> {
    const RULE: &str = "rules/consent-withdrawn.cedar";
    let mut draft = product_rules();
    let strict = draft.get(RULE).map(|rule| rule.replace("\"withdrawn\"", "\"given\""));
    draft.extend(strict.map(|rule| (RULE.to_owned(), rule)));
    let (operator, reason) = ("bench".to_owned(), "measure".to_owned());
    let command = Command::Rehearse { draft, days: 1, operator, reason };
    let done: Rehearsed =
        serde_json::from_value(app::command(&world.config, command).await?).map_err(|fault| fault.to_string())?;
    let per_second = done.replayed * 1_000 / done.milliseconds.max(1);
    Ok(json!({"decisions": done.replayed, "per_second": per_second, "turned_round": done.denials.count}))
}

fn report(mut seen: Seen, server_us: u64, floor_us: f64) -> Result<Value, String> {
    if seen.latencies.is_empty() {
        return Err(format!("nothing was released: {}", seen.first_failure.unwrap_or_default()));
    }
    seen.latencies.sort_unstable();
    let count = seen.latencies.len();
    let at = |share: usize| seen.latencies.get((count * share / 100).min(count - 1)).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (count, server_us, p50, p99) = (count as f64, server_us as f64, at(50) as f64, at(99) as f64);
    let server = server_us / count;
    Ok(json!({
        "release": {
            "per_second": round(count / seen.seconds), "server_cpu_us": round(server), "floor_cpu_us": round(floor_us),
            "times_floor": round(server / floor_us * 100.0) / 100.0, "p50_ms": round(p50 / 100.0) / 10.0,
            "p99_ms": round(p99 / 100.0) / 10.0,
        },
        "failed": seen.failed,
        "first_failure": seen.first_failure,
    }))
}

fn round(figure: f64) -> f64 {
    figure.round()
}

fn table(report: &Value) -> String {
    let figure = |name: &str| report.pointer(&format!("/release/{name}")).map(Value::to_string).unwrap_or_default();
    let rehearsal =
        |name: &str| report.pointer(&format!("/rehearsal/{name}")).map(Value::to_string).unwrap_or_default();
    format!(
        "single release over TLS, closed loop\n\
         releases per second   {}\nserver CPU, µs        {}\ncrypto floor, µs      {}\ntimes the floor       {}\n\
         latency p50, ms       {}\nlatency p99, ms       {}\nfailed                {}\n\n\
         rehearsal of one rule changed\ndecisions             {}\ndecisions per second  {}",
        figure("per_second"),
        figure("server_cpu_us"),
        figure("floor_cpu_us"),
        figure("times_floor"),
        figure("p50_ms"),
        figure("p99_ms"),
        report.get("failed").map(Value::to_string).unwrap_or_default(),
        rehearsal("decisions"),
        rehearsal("per_second"),
    )
}

/// Persons submit their address and consent to its municipality being released, without limit.
async fn prepare(world: &World, options: &BenchOptions) -> Result<Value, String> {
    let wire = world.wire()?;
    let dpop = PrivateJwk::generate(crate::jose::Algorithm::Es256).map_err(|fault| fault.to_string())?;
    let client = async |id: &str| {
        let key = world.key(id)?;
        Client::discover(wire.clone(), &world.issuer, id, key, &world.redirect_uri(id)).await
    };
    let (portal, agency) = (client(PORTAL).await?, client(AGENCY).await?.with_dpop(&dpop)?);
    let mut tokens = Vec::new();
    for persona in PERSONAS {
        let mut person = Browser::new(wire.clone(), &world.site);
        submit(world, &portal, &mut person, persona).await?;
        let token = consent(world, &agency, &mut person).await?;
        tokens.push((token.access_token, token.details));
    }
    let load = Load {
        issuer: world.issuer.clone(),
        authority: world.authority.clone().unwrap_or_default(),
        jwk: private(world.key(AGENCY)?)?,
        redirect_uri: world.redirect_uri(AGENCY),
        dpop: private(&dpop)?,
        tokens,
        seconds: options.seconds,
        clients: options.clients,
    };
    serde_json::to_value(load).map_err(|fault| fault.to_string())
}

async fn submit(world: &World, portal: &Client, person: &mut Browser, persona: &str) -> Result<(), String> {
    let details = json!([{"type": format!("{}/types/portal-session/v1", world.issuer), "drafts": ["adresse"]}]);
    let pushed = portal.push(&details, "s").await?.map_err(|answer| answer.text())?;
    let arrival = person.open(&pushed.url).await?.page()?;
    let personas = person.submit(&arrival, &[("choice", "continue")]).await?.page()?;
    let session = person.submit(&personas, &[("persona", persona)]).await?.page()?;
    let back = person.submit(&session, &[("choice", "yes")]).await?.back()?;
    let token = portal.redeem(&pushed, back.get("code").ok_or("no code")?).await?;
    let values = json!({"ligne": "1, rue du Banc", "municipalite": "Val-Cendre", "code-postal": "G1A 1A1",
        "depuis": "2020-01-01"});
    let answer = portal.draft(&token, "adresse", &values, "s").await?;
    let uri = answer.json().get("confirm_uri").and_then(Value::as_str).map(str::to_owned);
    let page = person.open(&uri.ok_or_else(|| answer.text())?).await?.page()?;
    person.submit(&page, &[("choice", "yes")]).await?.back().map(|_| ())
}

async fn consent(world: &World, agency: &Client, person: &mut Browser) -> Result<Token, String> {
    let details = json!([{
        "type": format!("{}/types/data-release/v1", world.issuer), "purpose": "residence-municipale",
        "datatypes": ["adresse.municipalite"], "recipient": "ville-de-val-cendre",
    }]);
    let pushed = agency.push(&details, "s").await?.map_err(|answer| answer.text())?;
    let arrival = person.open(&pushed.url).await?.page()?;
    let page = person.submit(&arrival, &[("choice", "continue")]).await?.page()?;
    let back = person.submit(&page, &[("choice", "yes")]).await?.back()?;
    agency.redeem(&pushed, back.get("code").ok_or("no code")?).await
}

/// The generator: so many loops, each with one release under way, for so long.
async fn generate(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|fault| fault.to_string())?;
    let load: Load = serde_json::from_str(&text).map_err(|fault| fault.to_string())?;
    let key = PrivateJwk::parse(&load.jwk.to_string()).map_err(|fault| fault.to_string())?;
    let dpop = PrivateJwk::parse(&load.dpop.to_string()).map_err(|fault| fault.to_string())?;
    let wire = Wire::new(Some(&load.authority))?;
    let client = Client::discover(wire, &load.issuer, AGENCY, &key, &load.redirect_uri).await?;
    let client = Arc::new(client.with_dpop(&dpop)?);
    let started = Instant::now();
    let until = started + Duration::from_secs(load.seconds);
    let loops = (0..load.clients).map(|number| {
        let (access_token, details) = load.tokens.get(number % load.tokens.len().max(1))?.clone();
        Some(tokio::spawn(one_loop(Arc::clone(&client), Token { access_token, details }, until)))
    });
    let mut all = Seen { latencies: Vec::new(), failed: 0, first_failure: None, seconds: 0.0 };
    for one in loops.flatten().collect::<Vec<_>>() {
        let seen = one.await.map_err(|fault| fault.to_string())?;
        all.latencies.extend(seen.latencies);
        all.failed += seen.failed;
        all.first_failure = all.first_failure.or(seen.first_failure);
    }
    all.seconds = started.elapsed().as_secs_f64();
    serde_json::to_value(all).map_err(|fault| fault.to_string())
}

async fn one_loop(client: Arc<Client>, token: Token, until: Instant) -> Seen {
    let consent = token.details.pointer("/0/consent_id").cloned().unwrap_or_default();
    let ask = json!({"consent_id": consent, "purpose": "residence-municipale", "attributes": ["adresse.municipalite"]});
    let mut seen = Seen { latencies: Vec::new(), failed: 0, first_failure: None, seconds: 0.0 };
    while Instant::now() < until {
        let begun = Instant::now();
        let answer = client.release(&token, &time_ordered_key(), &ask).await;
        match answer {
            Ok(answer) if answer.status == 200 => {
                seen.latencies.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            other => {
                seen.failed += 1;
                let said = other.map_or_else(|fault| fault, |answer| answer.text());
                seen.first_failure.get_or_insert(said);
            }
        }
    }
    seen
}

/// A version 7 UUID: keys that follow time cost the record the least.
fn time_ordered_key() -> String {
    let random = random::<10>().unwrap_or_default();
    let millis = u64::try_from(SystemClock.now().unix()).unwrap_or_default() * 1_000;
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}

/// Samples the floor twenty times a second until it is told to end: median in microseconds, and the CPU it took.
fn sample_floor(ended: Arc<AtomicBool>) -> std::thread::JoinHandle<Result<(f64, u64), String>> {
    std::thread::spawn(move || {
        let (key, _) = EcdsaKey::generate().map_err(|fault| fault.to_string())?;
        let (public, message) = (key.public(), random::<64>().map_err(|fault| fault.to_string())?);
        let signature = key.sign(&message).map_err(|fault| fault.to_string())?;
        let mut samples = Vec::new();
        let begun = thread_cpu_ns();
        while !ended.load(Ordering::Relaxed) {
            let before = thread_cpu_ns();
            for _ in 0..SAMPLE {
                if !verify_es256(&public, &message, &signature) {
                    return Err("the floor's own signature does not verify".to_owned());
                }
                key.sign(&message).map_err(|fault| fault.to_string())?;
            }
            samples.push((thread_cpu_ns() - before) / u64::from(SAMPLE));
            std::thread::sleep(Duration::from_millis(50));
        }
        samples.sort_unstable();
        let median = samples.get(samples.len() / 2).copied().unwrap_or(1);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        Ok((median as f64 / 1_000.0, (thread_cpu_ns() - begun) / 1_000))
    })
}

/// CPU of this process so far, in microseconds.
fn process_cpu_us() -> u64 {
    cpu_ns(ClockId::ProcessCPUTime) / 1_000
}

/// CPU of this thread so far, in nanoseconds.
fn thread_cpu_ns() -> u64 {
    cpu_ns(ClockId::ThreadCPUTime)
}

fn cpu_ns(clock: ClockId) -> u64 {
    let spent = clock_gettime(clock);
    u64::try_from(spent.tv_sec * 1_000_000_000 + spent.tv_nsec).unwrap_or(0)
}

fn private(key: &PrivateJwk) -> Result<Value, String> {
    let json = key.to_json().map_err(|fault| fault.to_string())?;
    serde_json::from_slice(&json).map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_time() {
        let first = time_ordered_key();
        std::thread::sleep(Duration::from_millis(1_100));
        assert!(first < time_ordered_key());
    }

    #[test]
    fn cpu_is_read() {
        assert!(thread_cpu_ns() > 0);
        assert!(process_cpu_us() > 0);
    }
}
