//! A real Chromium, without a window, driven through its DevTools protocol over a pair of pipes.
//!
//! Messages are JSON objects, each with a NUL behind it, on descriptor 3 (to the browser) and 4 (from it).

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::need::{Need, met};
use crate::program::eventually;

/// A page in a browser of its own.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    dir: TempDir,
    session: Option<String>,
    last_id: u64,
    /// What went wrong on the page: exceptions, messages of the console, refused requests.
    complaints: Vec<String>,
    loads: usize,
}

impl Browser {
    /// Starts it, or reports the running test as skipped when there is none.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn open() -> Option<Browser> {
        if !met(&[Need::Chromium]) {
            return None;
        }
        let dir = tempfile::tempdir().expect("a folder in /tmp can be made");
        let pipes = [dir.path().join("to"), dir.path().join("from")];
        for pipe in &pipes {
            mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe can be made");
        }
        // Watched by `timeout`, so that a browser that hangs does not outlive the test for long.
        let child = Command::new("timeout")
            .args(["--kill-after=5", "600", "bash", "-c"])
            .arg(
                "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                  --user-data-dir=\"$2\" --remote-debugging-pipe about:blank 3<\"$0\" 4>\"$1\"",
            )
            .args(&pipes)
            .arg(dir.path().join("profile"))
            .env("HOME", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("timeout starts");
        // In the order in which the shell opens them: each waits for its other end.
        let to = File::options().write(true).open(&pipes[0]).expect("the pipe is there");
        let from = BufReader::new(File::open(&pipes[1]).expect("the pipe is there"));
        let (session, complaints) = (None, Vec::new());
        let mut browser = Browser { child, to, from, dir, session, last_id: 0, complaints, loads: 0 };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach)["sessionId"].as_str().map(str::to_owned);
        browser.session = session;
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({}));
        }
        Some(browser)
    }

    /// Calls a method of the protocol; gives its result.
    ///
    /// # Panics
    /// When it fails, or the browser has ended.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser listens");
        loop {
            let mut answer = self.receive();
            if answer["id"] == self.last_id {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.note(&answer);
        }
    }

    fn receive(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).expect("the browser can be read");
        assert_eq!(bytes.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&bytes).expect("the browser speaks JSON")
    }

    fn note(&mut self, event: &Value) {
        match event["method"].as_str() {
            Some("Page.loadEventFired") => self.loads += 1,
            Some("Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded") => {
                self.complaints.push(event["params"].to_string());
            }
            _ => {}
        }
    }

    /// Opens a page from disk and waits until it is loaded.
    #[track_caller]
    pub fn visit(&mut self, page: &Path, fragment: &str) {
        let loads = self.loads;
        // Away first: a new fragment alone loads nothing.
        self.call("Page.navigate", json!({ "url": "about:blank" }));
        while self.loads == loads {
            let event = self.receive();
            self.note(&event);
        }
        let loads = self.loads;
        self.call("Page.navigate", json!({ "url": format!("file://{}{fragment}", page.display()) }));
        while self.loads == loads {
            let event = self.receive();
            self.note(&event);
        }
    }

    /// The size of the window in CSS pixels, and whether it is a phone's; the colours that the system prefers.
    #[track_caller]
    pub fn look(&mut self, width: u32, height: u32, is_dark: bool) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", features);
    }

    /// The value of an expression on the page.
    ///
    /// # Panics
    /// When it throws.
    #[track_caller]
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut result = self.call("Runtime.evaluate", params);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].take()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn wait_for(&mut self, expression: &str) {
        eventually(expression, || self.eval(expression) == true);
    }

    /// Presses a key: a letter, or a name as `ArrowLeft`.
    #[track_caller]
    pub fn key(&mut self, key: &str) {
        let text = if key.chars().count() == 1 {
            key
        } else if key == "Enter" {
            "\r"
        } else {
            ""
        };
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let down = json!({ "type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code });
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }),
        );
    }

    /// Presses the mouse at one place and lets go of it at another.
    #[track_caller]
    pub fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        let steps = [
            ("mouseMoved", from, 0),
            ("mousePressed", from, 1),
            ("mouseMoved", to, 1),
            ("mouseReleased", to, 0),
        ];
        for (kind, (x, y), buttons) in steps {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let params = json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// Exceptions, messages of the console and refused requests so far.
    pub fn complaints(&mut self) -> &[String] {
        // What was under way has arrived by then.
        self.call("Runtime.evaluate", json!({ "expression": "1" }));
        &self.complaints
    }

    /// Saves a picture of the whole page where `$RTTNG_SCREENSHOTS` says, if it does: for people to look at.
    pub fn screenshot(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("RTTNG_SCREENSHOTS") else { return };
        let size = self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"].take();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let shot = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let data = self.call("Page.captureScreenshot", shot)["data"].take();
        let bytes = from_base64(data.as_str().unwrap_or_default());
        fs::write(Path::new(&folder).join(name).with_extension("png"), bytes).expect("the folder is there");
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for letter in text.bytes().filter_map(|byte| LETTERS.iter().position(|letter| *letter == byte)) {
        (bits, count) = (bits << 6 | letter as u32, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

impl Drop for Browser {
    fn drop(&mut self) {
        let message = b"{\"id\":0,\"method\":\"Browser.close\"}\0";
        let _ = self.to.write_all(message);
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // `timeout` passes a signal on to all that it started.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
        let _ = &self.dir;
    }
}
