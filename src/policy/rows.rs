//! The table of what the law asks of this software, row by row, and where the tree answers: a rule, a function with its
//! tests, or the road that will.
//!
//! Rules name their rows themselves (`@rows`); here stands what is no rule. A test looks for every name in the tree.
//! Not here: what the cases show of the rules (`cases`).

use std::fmt;

use serde::Serialize;

use super::bundle::RULES;
use super::cases::Coverage;
use super::rules::Rules;

/// How much hangs on a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Priority {
    /// A token must not leave without it.
    P0,
    /// A public body that runs the broker needs it.
    P1,
    /// It helps.
    P2,
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
        })
    }
}

/// Where a row is answered, other than by a rule.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// By a function or a type, shown by tests.
    Function {
        /// Its name.
        name: &'static str,
        /// Its file.
        file: &'static str,
        /// The tests that fail without it.
        tests: &'static [&'static str],
    },
    /// By what is yet to be built.
    Road {
        /// Which road.
        road: &'static str,
    },
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its number.
    pub row: u8,
    /// How much hangs on it.
    pub priority: Priority,
    /// What is asked.
    pub says: &'static str,
    /// Where it is answered, beside the rules that name it.
    pub places: &'static [Place],
}

const PORTAL: Place = Place::Road { road: "the person's pages" };
const CONSOLE: Place = Place::Road { road: "the officers' console" };

const fn row(row: u8, priority: Priority, says: &'static str, places: &'static [Place]) -> Row {
    Row { row, priority, says, places }
}

const fn function(name: &'static str, file: &'static str, tests: &'static [&'static str]) -> Place {
    Place::Function { name, file, tests }
}

use Priority::{P0, P1, P2};

/// Every row.
pub const ROWS: &[Row] = &[
    row(
        1,
        P0,
        "nothing is released without a basis",
        &[
            function("no_basis", "src/policy/reasons.rs", &["every_case_is_decided_as_it_says_sliced_or_not"]),
            function("refusals", "src/policy/decide.rs", &["outside_the_demo_a_ground_to_confirm_permits_nothing"]),
        ],
    ),
    row(2, P0, "one purpose per consent and per token", &[]),
    row(
        3,
        P0,
        "no more attributes than agreed to, and than the purpose needs",
        &[
            function(
                "least",
                "src/policy/minimise.rs",
                &["what_is_left_is_the_common_part_by_kind", "asking_for_more_never_takes_away"],
            ),
            function(
                "open",
                "src/policy/open.rs",
                &["only_what_is_left_is_opened_and_it_says_where_it_comes_from", "p3_a_token_holds_the_least"],
            ),
        ],
    ),
    row(
        4,
        P0,
        "whether a consent is valid is computed each time; a void one serves nothing",
        &[function(
            "state_consent",
            "src/policy/of_releases.rs",
            &["a_consent_void_when_given_stays_void_and_a_parents_ends_with_minority"],
        )],
    ),
    row(5, P0, "what is sensitive is agreed to by an act of its own, after a strong sign-in", &[]),
    row(6, P0, "the end of a consent and of its purpose is looked at when it is used", &[]),
    row(
        7,
        P0,
        "a withdrawal works at once, on live tokens too",
        &[
            function("withdraw", "src/broker/withdraw.rs", &["nothing_is_released_after_a_withdrawal"]),
            Place::Road { road: "the protocol: status lists and events of withdrawal, for data tokens that are out" },
        ],
    ),
    row(
        8,
        P0,
        "under 14 a parent or tutor decides, and the age is computed each time",
        &[function(
            "under_14",
            "src/domain/subject.rs",
            &["own_power_begins_at_fourteen", "a_person_decides_alone_from_fourteen"],
        )],
    ),
    row(
        9,
        P0,
        "what the person was shown is kept by its hash in the receipt",
        &[
            function(
                "told",
                "src/pages/consent.rs",
                &["the_notice_changes_with_the_question_and_not_with_the_answer", "what_a_notice_tells_is_read_off_it"],
            ),
            function(
                "is_proof",
                "src/domain/consent.rs",
                &["a_consent_void_when_given_stays_void_and_a_parents_ends_with_minority"],
            ),
        ],
    ),
    row(
        10,
        P0,
        "other bases than consent come from a closed list, without repealed ones",
        &[function(
            "rely",
            "src/broker/inform.rs",
            &["nothing_is_told_or_released_where_the_agreement_does_not_carry_it"],
        )],
    ),
    row(11, P0, "an agreement under s. 68: four findings, seven items, received by the CAI thirty days before", &[]),
    row(12, P0, "an agreement to collect under s. 64: seven items, an assessment, thirty days", &[]),
    row(
        13,
        P0,
        "each release without consent enters the register of s. 67.3",
        &[
            function(
                "register",
                "src/ledger/release.rs",
                &["who_is_not_asked_is_told_and_the_body_gets_what_the_agreement_says"],
            ),
            function(
                "PartB",
                "src/domain/register.rs",
                &["an_agreement_on_collection_enters_part_b_of_the_register_once"],
            ),
        ],
    ),
    row(
        14,
        P0,
        "releases by consent stand in a log that shows tampering",
        &[
            function("enter", "src/ledger/mod.rs", &["p6_an_altered_log_is_told_by_its_first_departure"]),
            function("audit", "src/verify/export.rs", &["every_class_of_tampering_is_named"]),
        ],
    ),
    row(15, P0, "nothing leaves Québec, to a recipient or a host, without the assessment of s. 70.1", &[]),
    row(16, P0, "civil status, tax and health information follow their own statutes", &[]),
    row(
        17,
        P0,
        "the recipient is a public body on that day, and its key is its own",
        &[
            function(
                "exists",
                "src/domain/catalogue/mod.rs",
                &["another_purpose_another_version_a_stopped_client_a_dissolved_body"],
            ),
            function("keys_moved", "src/policy/keys.rs", &["a_key_is_one_bodys"]),
        ],
    ),
    row(18, P0, "a body succeeds another by a cited instrument and by function, or not at all", &[]),
    row(
        19,
        P0,
        "a token is signed and says its audience, purpose, basis and times",
        &[
            function("claims", "src/ledger/release.rs", &["p1_a_token_comes_with_its_evidence"]),
            function("check_claims", "src/verify/token.rs", &["refuses_other_claims"]),
            function("check_act", "src/verify/token.rs", &["the_act_must_say_what_the_claims_say"]),
        ],
    ),
    row(
        20,
        P0,
        "whether the record is whole can be checked offline, as long as it is kept",
        &[
            function("export", "src/ledger/export.rs", &["a_closed_export_is_audited_without_us"]),
            function("audit", "src/verify/export.rs", &["a_good_export_passes_and_the_report_says_what_that_means"]),
            function("EntryProof", "src/verify/proof.rs", &["every_proof_survives_an_erasure"]),
            function(
                "words",
                "src/verify/consents.rs",
                &[
                    "the_words_of_a_notice_are_those_that_the_act_commits_to",
                    "a_notice_can_be_read_again_whatever_became_of_the_bundle",
                ],
            ),
        ],
    ),
    row(
        21,
        P1,
        "an assessment before anything runs, with the committee from the start",
        &[function("assessments", "src/policy/check/assessments.rs", &["a_real_purpose_is_assessed"])],
    ),
    row(22, P1, "a register of every incident, kept five years", &[CONSOLE]),
    row(23, P1, "the test of serious injury, and the notices that follow", &[CONSOLE]),
    row(24, P1, "a copy in a structured form of what the person supplied", &[PORTAL]),
    row(25, P1, "twenty days and ten more to reply, thirty to contest", &[CONSOLE]),
    row(26, P1, "a correction reaches those who received the information", &[PORTAL]),
    row(
        27,
        P1,
        "information is destroyed when its purpose has ended, unless it must be kept",
        &[
            function(
                "destroy",
                "src/broker/due.rs",
                &["values_are_destroyed_when_their_days_have_run_and_nobody_may_draw_on_them"],
            ),
            function(
                "erase",
                "src/broker/erase.rs",
                &["p7_erasure_leaves_the_proofs", "nothing_is_released_after_an_erasure"],
            ),
        ],
    ),
    row(28, P1, "nothing is called anonymised outside the procedure of the regulation", &[CONSOLE]),
    row(29, P1, "a secondary use is one of four, and three of them are registered", &[]),
    row(30, P1, "an automated decision is announced, explained and reviewed by someone", &[]),
    row(31, P1, "an official source declares itself before it begins, and reports each year", &[]),
    row(32, P1, "a purpose of mobility names its letter", &[]),
    row(
        33,
        P1,
        "the digital way is free: as good a way beside it, and refusing costs nothing",
        &[function(
            "choices",
            "src/pages/parts.html",
            &[
                "p10_refusing_and_withdrawing_are_as_easy_as_agreeing",
                "deciding_buttons_come_in_pairs_that_differ_in_nothing",
                "both answers look the same, wherever one is asked for",
            ],
        )],
    ),
    row(
        34,
        P1,
        "traces serve audit, never profiles",
        &[
            function(
                "SearchRow",
                "src/store/search.rs",
                &["p8_nothing_personal_is_in_logs_addresses_errors_leaves_or_in_clear_on_disk"],
            ),
            function(
                "Rehearsed",
                "src/policy/rehearse.rs",
                &["a_rehearsal_counts_what_one_rule_turns_round_and_is_itself_an_entry"],
            ),
        ],
    ),
    row(
        35,
        P1,
        "French first and authoritative, English behind a ground",
        &[
            function("Attested", "src/identity/session.rs", &["what_was_attested_is_of_one_person"]),
            function(
                "attest",
                "src/http/citizen/anyone.rs",
                &[
                    "what_is_attested_is_what_the_page_says_in_both_languages_french_first",
                    "what_one_attested_opens_no_english_to_another",
                ],
            ),
        ],
    ),
    row(36, P1, "consents and receipts follow the accessibility standard", &[PORTAL]),
    row(
        37,
        P1,
        "who approves holds the office, or a delegation on that day",
        &[function(
            "check_approved",
            "src/broker/change.rs",
            &["what_one_officer_proposes_another_approves_and_two_administrators_bring_into_force"],
        )],
    ),
    row(38, P2, "the inventory of files is generated and public", &[CONSOLE]),
    row(39, P2, "the confidentiality policy is checked against its regulation", &[CONSOLE]),
    row(
        40,
        P2,
        "no biometrics",
        &[function("Claim", "src/domain/catalogue/kinds.rs", &["faults_of_the_catalogue_are_found"])],
    ),
    row(41, P2, "a mandatary's contract carries its clauses, and ends with a deletion", &[]),
    row(
        42,
        P2,
        "legal days are calendar days in America/Toronto",
        &[function("Day", "src/clock.rs", &["a_moment_falls_on_the_local_day", "an_age_counts_birthdays_not_days"])],
    ),
];

/// One line of the table: a row, and one place where it is answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Line {
    /// The row.
    pub row: u8,
    /// How much hangs on it.
    pub priority: Priority,
    /// What is asked.
    pub says: &'static str,
    /// The rule, the function or the road; empty where the row is open.
    #[serde(rename = "where")]
    pub place: String,
    /// The file of the rule or function.
    pub file: String,
    /// The cases that fire the rule; the tests of the function.
    pub cases: Vec<String>,
}

/// The table, as these rules and cases fill it.
pub fn table(rules: &Rules, coverage: &Coverage) -> Vec<Line> {
    ROWS.iter().flat_map(|row| lines(row, rules, coverage)).collect()
}

fn lines(row: &Row, rules: &Rules, coverage: &Coverage) -> Vec<Line> {
    let line = |place: &str, file: &str, cases: Vec<String>| Line {
        row: row.row,
        priority: row.priority,
        says: row.says,
        place: place.to_owned(),
        file: file.to_owned(),
        cases,
    };
    let serving = rules.all().filter(|rule| rule.rows.contains(&row.row));
    let by_rules =
        serving.map(|rule| line(&rule.id, &format!("{RULES}{}.cedar", rule.id), coverage.cases_of(&rule.id).to_vec()));
    let otherwise = row.places.iter().map(|place| match place {
        Place::Function { name, file, tests } => {
            line(name, file, tests.iter().map(|test| (*test).to_owned()).collect())
        }
        Place::Road { road } => line(&format!("road: {road}"), "", Vec::new()),
    });
    let lines: Vec<_> = by_rules.chain(otherwise).collect();
    if lines.is_empty() { vec![line("", "", Vec::new())] } else { lines }
}
