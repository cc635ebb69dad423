//! A live `wrangler dev` on a project's local database, and statements sent to it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::wrangler;

const WORKER: &str = include_str!("../wrangler/worker.mjs");

/// workerd needs a second or two; a busy machine much longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `wrangler dev`; dropping it ends it, with everything that it started.
pub(crate) struct DevServer {
    child: Child,
    port: u16,
    /// The folder of the configuration that it serves: a Worker without a build step, beside the project, not in it.
    _folder: TempDir,
}

impl DevServer {
    /// Serves the local database of `project` that has this `database_id`, and waits until it answers.
    pub(crate) fn start(project: &Path, database_id: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let config = folder.path().join("wrangler.toml");
        let text = format!(
            "name = \"dev\"\nmain = \"worker.mjs\"\ncompatibility_date = \"2026-11-01\"\n\n\
             [[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"dev\"\ndatabase_id = \"{database_id}\"\n"
        );
        fs::write(&config, text).expect("a temporary folder is writable");
        fs::write(folder.path().join("worker.mjs"), WORKER).expect("it is writable");

        let log = folder.path().join("log");
        let out = fs::File::create(&log).expect("a temporary folder is writable");
        let port = free_port();
        let mut command = wrangler::command(folder.path());
        command
            .args(["dev", "--ip", "127.0.0.1", "--port", &port.to_string()])
            .args(["--inspector-port", &free_port().to_string()])
            .arg("--show-interactive-dev-session=false")
            .arg("--persist-to")
            .arg(project.join(".wrangler/state"))
            .stdin(Stdio::null())
            .stderr(out.try_clone().expect("a file handle"))
            .stdout(out);
        lead_a_group(&mut command);
        let child = command.spawn().expect("Node was run before");
        let mut server = Self { child, port, _folder: folder };
        server.wait_until_ready(&log);
        server
    }

    /// Runs one statement through the Worker: `{"results": […], "meta": {…}}`, or D1's error text.
    pub(crate) fn query(&self, sql: &str, params: &[Value]) -> Result<Value, String> {
        let body = json!({ "sql": sql, "params": params }).to_string();
        match self.request("POST", &body) {
            Ok((200, text)) => Ok(serde_json::from_str(&text).expect("the Worker answers JSON")),
            Ok((_, text)) => Err(text),
            Err(e) => Err(format!("wrangler dev does not answer: {e}")),
        }
    }

    fn wait_until_ready(&mut self, log: &Path) {
        let start = Instant::now();
        while !matches!(self.request("GET", ""), Ok((200, text)) if text == "ready") {
            let ended = self.child.try_wait().expect("a child can be asked");
            assert!(
                ended.is_none() && start.elapsed() < PATIENCE,
                "wrangler dev does not serve:\n{}",
                fs::read_to_string(log).unwrap_or_default()
            );
            sleep(Duration::from_millis(100));
        }
    }

    fn request(&self, method: &str, body: &str) -> std::io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "{method} / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| std::io::Error::other("the answer is no HTTP"))
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        signal_the_group(&mut self.child, "-TERM");
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            sleep(Duration::from_millis(50));
        }
        // Also for a workerd that outlives its parent.
        signal_the_group(&mut self.child, "-KILL");
        self.child.wait().ok();
    }
}

#[cfg(unix)]
fn lead_a_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn lead_a_group(_: &mut Command) {}

#[cfg(unix)]
fn signal_the_group(child: &mut Child, signal: &str) {
    let group = format!("-{}", child.id());
    let mut kill = Command::new("kill");
    // A group that has ended already is no mistake, and no news.
    kill.args([signal, "--", &group]).stderr(Stdio::null()).status().ok();
}

#[cfg(not(unix))]
fn signal_the_group(child: &mut Child, _: &str) {
    child.kill().ok();
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Status and body of a whole HTTP/1.1 answer.
fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?.to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = &answer[end + 4..];
    let body = match head.contains("transfer-encoding: chunked") {
        true => join_chunks(body)?,
        false => body.to_vec(),
    };
    Some((status, String::from_utf8(body).ok()?))
}

fn join_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let start = line + 2;
        body.extend_from_slice(rest.get(start..start + size)?);
        rest = rest.get(start + size + 2..)?;
    }
}
