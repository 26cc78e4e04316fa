//! Who changes what is in force, over the command line alone: officers propose and approve, administrators activate.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use unefois::jose::{Algorithm, PrivateJwk};
use unefois::policy::{demo_catalogue, product_rules};

use super::harness::program;

/// A folder with everything that founds a log which is no demonstration.
struct Office {
    folder: PathBuf,
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const OFFICERS: [(&str, &str); 2] = [("odile", "Odile Brossard"), ("marc", "Marc-Étienne Lachance")];

impl Office {
    fn open(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("unefois-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let office = Self { folder };
        let shown = office.folder.display();
        let service = |name| {
            format!(
                "[{name}]\nissuer = \"https://{name}.example\"\nclient_id = \"unefois\"\nclient_secret = \"{shown}/secret\"\n"
            )
        };
        office.write(
            "unefois.toml",
            &format!(
                "issuer = \"https://unefois.example\"\ndata = \"{shown}/data\"\n\
                 custodian = {{ body = \"bqtu\", instrument = \"mandat-bqtu\" }}\n\
                 [keys]\nfolder = \"{shown}/keys\"\ncredential = \"{shown}/credential\"\n\
                 [listen]\nservice = \"127.0.0.1:0\"\nops = \"127.0.0.1:0\"\n{}{}",
                service("persons"),
                service("officers"),
            ),
        );
        for name in ["ana", "bob"] {
            office.done(&["keys", "administrator", "--name", name], &["--to", &format!("{name}.key")]);
        }
        for (file, name) in OFFICERS {
            office.done(&["keys", "officer", "--name", name], &["--to", &format!("{file}.key")]);
        }
        office.lay_out();
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The product's rules and the demo catalogue as if it were none, in the folder `policies`.
    fn lay_out(&self) {
        for (path, text) in product_rules() {
            self.write(&format!("policies/{path}"), &text);
        }
        for (path, text) in demo_catalogue() {
            let mut table: toml::Table = text.parse().unwrap();
            table.remove("demo");
            for client in tables(&mut table, "clients") {
                let key = PrivateJwk::generate(Algorithm::Es256).unwrap().public();
                client.insert("keys".into(), vec![toml_of(&serde_json::to_value(key).unwrap())].into());
                client.insert("redirect_uris".into(), vec!["https://client.example/retour"].into());
            }
            for purpose in tables(&mut table, "purposes") {
                let assessment = "reference = \"EFVP 1\"\nstarted = \"2026-03-02\"\ncommittee = \"2026-03-02\"\n\
                    approved = \"2026-08-30\"\n\
                    scores = { sensitivity = 1, purpose = 1, quantity = 1, distribution = 1, medium = 1 }";
                purpose.insert("assessment".into(), assessment.parse::<toml::Table>().unwrap().into());
            }
            for delegation in table.get_mut("delegations").and_then(|it| it.as_array_mut()).into_iter().flatten() {
                let delegation = delegation.as_table_mut().unwrap();
                let name = delegation["name"].as_str().unwrap();
                let (file, _) = OFFICERS.iter().find(|(_, known)| *known == name).unwrap();
                let key: Value =
                    serde_json::from_slice(&std::fs::read(self.path(&format!("{file}.key"))).unwrap()).unwrap();
                let key = serde_json::to_value(PrivateJwk::parse(&key["jwk"].to_string()).unwrap().public()).unwrap();
                delegation.insert("key".into(), toml_of(&key));
                delegation.insert("issuer".into(), "https://officers.example".into());
                delegation.insert("office".into(), "privacy".into());
                delegation.insert("may".into(), vec!["approve"].into());
                delegation.insert("cai_notified".into(), "2024-04-02".into());
            }
            self.write(&format!("policies/{path}"), &table.to_string());
        }
    }

    /// Lengthens the purpose of student aid, in the bundle and in a file of its own.
    fn widen(&self, days: i64) {
        let path = self.path("policies/catalogue/purposes.toml");
        let mut table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let purpose = table["purposes"]["aide-etudes"].as_table_mut().unwrap();
        purpose.insert("longest_days".into(), days.into());
        let mut alone = toml::Table::new();
        alone.insert(
            "purposes".into(),
            toml::Table::from_iter([("aide-etudes".to_owned(), purpose.clone().into())]).into(),
        );
        self.write("purpose.toml", &alone.to_string());
        self.write("policies/catalogue/purposes.toml", &table.to_string());
    }

    /// Runs the program; arguments after the first ones are files of the folder where they name one.
    fn run(&self, command: &[&str], files: &[&str]) -> Output {
        let mut program = Command::new(program());
        program.args(command).env("UNEFOIS_CONFIG", self.path("unefois.toml")).current_dir(&self.folder);
        program.args(files).output().unwrap()
    }

    fn done(&self, command: &[&str], files: &[&str]) -> String {
        let output = self.run(command, files);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    #[track_caller]
    fn refused(&self, command: &[&str], files: &[&str], expected: &str) {
        let output = self.run(command, files);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{command:?}: {said}");
    }

    /// Founds the log: the first administrator signs here, the second where their own key is.
    fn found(&self) {
        self.done(
            &["policy", "sign", "--founding"],
            &["--policies", "policies", "--sign", "bob.key", "--to", "bob.sig"],
        );
        self.done(&["init"], &["--policies", "policies", "--sign", "ana.key", "--signature", "bob.sig"]);
    }
}

fn tables<'a>(table: &'a mut toml::Table, section: &str) -> impl Iterator<Item = &'a mut toml::Table> {
    let found = table.get_mut(section).and_then(toml::Value::as_table_mut);
    found.into_iter().flat_map(|found| found.iter_mut()).filter_map(|(_, entry)| entry.as_table_mut())
}

fn toml_of(key: &Value) -> toml::Value {
    toml::Value::try_from(key).unwrap()
}

const ACTIVATE: [&str; 4] = ["policy", "activate", "--policies", "policies"];

#[test]
fn what_one_officer_proposes_another_approves_and_two_administrators_bring_into_force() {
    let office = Office::open("four-eyes");
    let two = "2 administrators must sign; 1 did";
    office.refused(&["init"], &["--policies", "policies", "--sign", "ana.key"], "at most the number of administrators");
    assert!(!office.path("data").exists(), "nothing is made before everything is in order");
    office.found();

    // Nothing was approved yet, whoever signs.
    office.widen(400);
    let both = ["--sign", "ana.key", "--sign", "bob.key"];
    office.refused(&ACTIVATE, &both, "not approved as it stands: purpose aide-etudes");

    let [add, approve] = ["add", "approve"].map(|verb| ["purpose", verb, "purpose.toml", "--sign"]);
    office.refused(&approve, &["marc.key"], "nobody proposed purpose aide-etudes");
    office.refused(&add, &["ana.key"], "the signature of ana is not that of an officer");
    office.refused(&["body", "add", "purpose.toml", "--sign"], &["odile.key"], "the file holds one body");
    office.done(&add, &["odile.key"]);
    office.refused(&ACTIVATE, &both, "not approved as it stands");
    office.refused(&approve, &["odile.key"], "approver-is-proposer");
    office.refused(&ACTIVATE, &both, "not approved as it stands");
    assert!(office.done(&approve, &["marc.key"]).contains("Marc-Étienne Lachance approved purpose aide-etudes"));

    office.refused(&ACTIVATE, &["--sign", "ana.key"], two);
    office.refused(&ACTIVATE, &["--sign", "ana.key", "--sign", "ana.key"], "ana signed twice");
    office.refused(&ACTIVATE, &["--sign", "ana.key", "--sign", "odile.key"], "Odile Brossard is not that of an admin");
    office.refused(&ACTIVATE, &["--sign", "ana.key", "--signature", "bob.sig"], "bob is not that of an admin");
    office.done(&["policy", "sign"], &["--policies", "policies", "--sign", "bob.key", "--to", "bob-2.sig"]);
    office.done(&ACTIVATE, &["--sign", "ana.key", "--signature", "bob-2.sig"]);

    // What was approved is that entry as it stood, and no other.
    office.widen(500);
    office.refused(&ACTIVATE, &both, "not approved as it stands: purpose aide-etudes");
    office.widen(400);
    office.done(&ACTIVATE, &both);
    // One administrator is enough to stop a client.
    office.done(&["client", "stop", "saaq-adresses"], &["--sign", "bob.key"]);

    office.done(&["export"], &["--to", "export"]);
    let report: Value = serde_json::from_str(&office.done(&["--json", "verify"], &["export"])).unwrap();
    assert_eq!(report["entries"]["proposal"], 1, "{report}");
    assert_eq!(report["entries"]["approval"], 1);
    assert_eq!(report["entries"]["refusal"], 1);
    assert_eq!(report["entries"]["activation"], 3);
    let acts = acts(&office.path("export"));
    assert_eq!(acts[0]["quorum"], 2);
    let of = |event: &str| acts.iter().find(|act| act["event"] == event).unwrap();
    let (proposal, approval) = (of("proposal"), of("approval"));
    assert_eq!(proposal["digest"], approval["digest"]);
    assert_eq!(proposal["assessment"], "EFVP 1");
    assert!(proposal["necessary"]["revenu.annuel"]["fr"].as_str().unwrap().starts_with("Le montant"));
    assert_eq!(acts[usize::try_from(approval["proposal"].as_u64().unwrap()).unwrap()], *proposal);
    assert_eq!(approval["citations"][0]["cite"], "A-2.1, art. 8");
    assert_ne!(proposal["proposer"]["key"], approval["approver"]["key"]);
}

fn acts(export: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(export.join("acts.jsonl")).unwrap();
    let payload = |line: &str| serde_json::from_str::<Value>(line).unwrap()["payload"].as_str().unwrap().to_owned();
    text.lines().map(|line| serde_json::from_str(&payload(line)).unwrap()).collect()
}

#[test]
fn a_log_that_one_person_may_change_is_not_served() {
    let office = Office::open("one-pair-of-eyes");
    office.done(&["init", "--quorum", "1"], &["--policies", "policies", "--sign", "ana.key"]);
    office.refused(&["serve"], &[], "1 administrator is enough to change the rules of this log; 2 must sign");
}

#[test]
fn an_administrator_is_no_officer_and_no_demonstration_becomes_real() {
    let office = Office::open("one-hand");
    std::fs::copy(office.path("odile.key"), office.path("ana.key")).unwrap();
    let signed = ["--policies", "policies", "--sign", "ana.key", "--sign", "bob.key"];
    office.refused(&["init"], &signed, "the key of administrator Odile Brossard is also an officer's");
    assert!(!office.path("keys").exists());

    let office = Office::open("demonstration");
    office.found();
    let bodies = std::fs::read_to_string(office.path("policies/catalogue/bodies.toml")).unwrap();
    office.write("policies/catalogue/bodies.toml", &format!("demo = true\n{bodies}"));
    office.refused(
        &ACTIVATE,
        &["--sign", "ana.key", "--sign", "bob.key"],
        "a log is a demonstration from its founding",
    );
}
