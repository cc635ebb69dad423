//! The lines about commands: time against the shell or against a smaller database, and peak memory.

use std::time::Duration;

use super::Settings;
use super::database::Project;
use super::measure::{Table, best, peak, time};

const FOUND: [i32; 1] = [1];
const DONE: [i32; 1] = [0];

pub(crate) fn run(settings: &Settings, table: &mut Table) {
    let rows = settings.rows;
    let large = Project::one_table(rows);
    whole_database(settings, table, &large, "1 table");
    let forty = Project::forty_tables(rows);
    whole_database(settings, table, &forty, "40 tables");
    drop(forty);
    clean_check(settings, table, &large);
    few_changes(settings, table, &large);
    many_changes(settings, table, &large);
    memory(table, &large);
}

/// `init` and `verify`.
fn whole_database(settings: &Settings, table: &mut Table, project: &Project, name: &str) {
    let [mut init, mut cached, mut built, mut to_file, mut to_nowhere]: [Vec<Duration>; 5] =
        Default::default();
    for _ in 0..settings.runs {
        project.forget_migrations();
        to_file.push(time(&mut project.sqlite3(".dump"), &DONE));
        init.push(time(&mut project.tool("init"), &DONE));
        to_nowhere.push(time(&mut project.sqlite3_to_nowhere(".dump"), &DONE));
        // Files that were written a moment ago are read again, as git reads them again.
        std::thread::sleep(Duration::from_millis(2_100));
        time(&mut project.tool("verify"), &DONE);
        cached.push(time(&mut project.tool("verify"), &DONE));
        project.forget_shadow();
        built.push(time(&mut project.tool("verify"), &DONE));
    }
    table.ratio(&format!("init of {name} / .dump to a file"), best(&init), best(&to_file), 1.0);
    table.ratio(
        &format!("verify of {name}, shadow cached / .dump to nowhere"),
        best(&cached),
        best(&to_nowhere),
        0.4,
    );
    table.ratio(
        &format!("verify of {name}, shadow to be built / .dump to nowhere"),
        best(&built),
        best(&to_nowhere),
        2.0,
    );
}

/// `check` when nothing is pending.
fn clean_check(settings: &Settings, table: &mut Table, project: &Project) {
    time(&mut project.tool("track"), &DONE);
    std::thread::sleep(Duration::from_millis(2_100));
    time(&mut project.tool("check"), &DONE);
    let [mut ours, mut theirs]: [Vec<Duration>; 2] = Default::default();
    for _ in 0..settings.runs * 4 {
        theirs.push(time(&mut project.sqlite3_to_nowhere("select 1"), &DONE));
        ours.push(time(&mut project.tool("check"), &DONE));
    }
    table.ratio("check with nothing pending / sqlite3 FILE 'select 1'", best(&ours), best(&theirs), 5.0);
}

/// `check` and `data` with 100 changed rows, in the large database and in a hundredth of it.
fn few_changes(settings: &Settings, table: &mut Table, large: &Project) {
    let small = Project::one_table(settings.rows / 100);
    time(&mut small.tool("init"), &DONE);
    time(&mut small.tool("track"), &DONE);
    std::thread::sleep(Duration::from_millis(2_100));
    time(&mut small.tool("check"), &DONE);
    let mut times: [[Vec<Duration>; 2]; 2] = Default::default();
    for round in 0..settings.runs {
        for (project, times) in [large, &small].into_iter().zip(&mut times) {
            project.sql(&format!(
                "UPDATE posts SET title = title || '{round}' WHERE id % 97 = 0 AND id <= 9700"
            ));
            times[0].push(time(&mut project.tool("check"), &FOUND));
            times[1].push(time(&mut project.tool("data -m few"), &DONE));
        }
    }
    let rows = format!("100 changed rows in {} / in {}", settings.rows, settings.rows / 100);
    for (number, command) in ["check", "data"].into_iter().enumerate() {
        let [ours, theirs] = [&times[0][number], &times[1][number]].map(|times| best(times));
        table.ratio(&format!("{command} with {rows}"), ours, theirs, 1.3);
    }
}

/// `data` when every tenth row changed.
fn many_changes(settings: &Settings, table: &mut Table, project: &Project) {
    let [mut ours, mut theirs]: [Vec<Duration>; 2] = Default::default();
    let dump = Project::one_table(settings.rows / 10);
    for round in 0..settings.runs.min(3) {
        project.sql(&format!("UPDATE posts SET title = 'Changed {round}' || id WHERE id % 10 = 0"));
        theirs.push(time(&mut dump.sqlite3(".dump"), &DONE));
        ours.push(time(&mut project.tool("data -m many"), &DONE));
    }
    let what = format!("data for {} changed rows / .dump of as many", settings.rows / 10);
    table.ratio(&what, best(&ours), best(&theirs), 1.5);
}

fn memory(table: &mut Table, project: &Project) {
    let mut peaks = Vec::new();
    let mut note = |arguments: &str, expected: &[i32]| {
        let name = arguments.split(' ').next().unwrap_or_default().to_owned();
        peaks.extend(peak(&project.tool(arguments), expected).map(|peak| (name, peak)));
    };
    for arguments in ["check", "status", "log --limit 5", "verify"] {
        note(arguments, &DONE);
    }
    project.sql("UPDATE posts SET title = 'Changed again ' || id WHERE id % 10 = 0");
    note("data -m memory", &DONE);
    project.forget_shadow();
    note("verify", &DONE);
    project.forget_migrations();
    note("init", &DONE);
    note("track", &DONE);
    std::fs::remove_file(project.local_file()).unwrap();
    for suffix in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", project.local_file().display())));
    }
    note("apply", &DONE);
    let highest = peaks.iter().map(|(_, peak)| *peak).fold(0.0, f64::max);
    let each: Vec<String> = peaks.iter().map(|(name, peak)| format!("{name} {peak:.0}")).collect();
    table.line("peak memory of any command, MB", format!("{highest:.0}"), 64.0, each.join(", "));
}
