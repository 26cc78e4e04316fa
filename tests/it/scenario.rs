//! The main job, as a newcomer runs it.

use std::process::Command;

fn played(options: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_unefois")).args(["dev", "--exit", "--json"]).args(options).output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&told).unwrap()
}

fn held(played: &serde_json::Value) {
    let steps = played["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, unefois::dev::steps());
    assert!(steps.iter().all(|step| step["ok"] == true), "{played:#}");
}

#[test]
fn every_step_holds() {
    held(&played(&[]));
}

#[test]
fn every_step_holds_over_tls() {
    held(&played(&["--tls"]));
}

#[test]
fn only_loopback_is_listened_on() {
    let output = Command::new(env!("CARGO_BIN_EXE_unefois")).args(["dev", "--exit", "--address", "0.0.0.0"]).output();
    assert!(!output.unwrap().status.success());
}
