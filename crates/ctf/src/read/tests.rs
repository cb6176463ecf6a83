//! Traces of the real programs, whole and broken, and traces of any type.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::decode::NodeId;

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace").join(name).join("trace")
}

/// Writes down everything that it is shown.
#[derive(Default)]
struct Script(String);

impl Visit for Script {
    fn scope(&mut self, scope: Scope) {
        write!(self.0, " {}:", scope.path()).unwrap();
    }
    fn unsigned(&mut self, node: NodeId, value: u64) {
        write!(self.0, " {node}={value}").unwrap();
    }
    fn signed(&mut self, node: NodeId, value: i64) {
        write!(self.0, " {node}={value:+}").unwrap();
    }
    fn float(&mut self, node: NodeId, value: f64) {
        write!(self.0, " {node}={value:e}").unwrap();
    }
    fn text(&mut self, node: NodeId, text: &[u8]) {
        write!(self.0, " {node}={:?}", String::from_utf8_lossy(text)).unwrap();
    }
    fn begin(&mut self, node: NodeId) {
        write!(self.0, " {node}(").unwrap();
    }
    fn end(&mut self, _: NodeId) {
        self.0.push(')');
    }
    fn element(&mut self, _: NodeId, index: u64) {
        write!(self.0, " [{index}]").unwrap();
    }
}

/// All that can be read, a line each; the last one may be an error.
fn script(folder: &Path, window_bytes: u64) -> Vec<String> {
    let options = Options { window_bytes, ..Options::default() };
    let mut reader = match Reader::open(&[folder.to_owned()], &options) {
        Ok(reader) => reader,
        Err(error) => return vec![error.to_string()],
    };
    let mut lines = Vec::new();
    loop {
        lines.push(match reader.next() {
            Ok(Some(Message::Event(mut event))) => {
                let mut script = Script::default();
                let head = format!("{:?} {} {}", event.nanoseconds(), event.stream(), event.class().name);
                event.show_packet_context(&mut script).and_then(|()| event.show(&mut script)).unwrap();
                head + &script.0
            }
            Ok(Some(Message::Lost { stream, lost })) => format!("{stream} {lost:?}"),
            Ok(None) => return lines,
            Err(error) => {
                lines.push(error.to_string());
                return lines;
            }
        });
    }
}

#[test]
fn values_are_those_that_were_recorded() {
    let script = script(&vector("per-uid"), 1 << 20);
    let first = script[0].split_once(' ').unwrap().1;
    assert_eq!(
        first,
        "1 rich:ints stream.packet.context: 0( 1=1) event.fields: 0( 1=-1 2=255 3=-1 4=65535 5=-1 6=4294967295 \
         7=-1 8=18446744073709551615 9=4294967295 10=65535 11=4294967295 12=-1 13=+65 14=1 15=-5e-1 16=-2.5e-1)"
    );
}

/// Events larger than the window, and at its edges.
#[test]
fn the_window_makes_no_difference() {
    for name in ["per-uid", "archives", "tracefiles", "discarded", "dynctx", "ust-all", "synthetic-kernel"] {
        let whole = script(&vector(name), 1 << 20);
        assert!(!whole.is_empty());
        assert_eq!(script(&vector(name), 0), whole, "{name}");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let said = || script(folder.path(), 0).pop().unwrap();
    assert!(script(&folder.path().join("x"), 0)[0].contains("/x: No such file"), "{}", said());
    assert!(said().contains("there is no trace in it"), "{}", said());
    std::fs::write(folder.path().join("metadata"), "/* CTF 1.8 */ trace {").unwrap();
    assert!(said().contains("metadata: metadata line 1, column 22"), "{}", said());

    let from = vector("per-uid").join("ust/uid/0/64-bit");
    std::fs::copy(from.join("metadata"), folder.path().join("metadata")).unwrap();
    let data = std::fs::read(from.join("channel0_1")).unwrap();
    std::fs::write(folder.path().join("data"), &data[..data.len() - 1]).unwrap();
    assert!(said().contains("data, byte 0: the packet claims"), "{}", said());
    std::fs::write(folder.path().join("data"), b"").unwrap();
    assert_eq!(script(folder.path(), 0), [""; 0]);
}

/// What lies beside the trace when it is mutated: index and data have to agree, or the data counts.
#[test]
fn a_wrong_index_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let from = vector("per-uid").join("ust/uid/0/64-bit");
    std::fs::create_dir(folder.path().join("index")).unwrap();
    for name in ["metadata", "channel0_1", "index/channel0_1.idx"] {
        std::fs::copy(from.join(name), folder.path().join(name)).unwrap();
    }
    let right = script(folder.path(), 0);
    let index = std::fs::read(from.join("index/channel0_1.idx")).unwrap();
    for at in 0..index.len() {
        let mut wrong = index.clone();
        wrong[at] ^= 0x55;
        std::fs::write(folder.path().join("index/channel0_1.idx"), &wrong).unwrap();
        assert_eq!(script(folder.path(), 0), right, "byte {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mutated_traces_do_not_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let from = vector("per-uid").join("ust/uid/0/64-bit");
        std::fs::copy(from.join("metadata"), folder.path().join("metadata")).unwrap();
        let mut data = std::fs::read(from.join("channel0_1")).unwrap();
        for (at, byte) in edits {
            // Mostly where there is content.
            let at = at.index(data.len().min(3000));
            data[at] = byte;
        }
        if let Some(cut) = cut {
            data.truncate(cut.index(data.len()));
        }
        std::fs::write(folder.path().join("data"), data).unwrap();
        let _ = script(folder.path(), 0);
    }

    #[test]
    fn any_types_and_bytes_are_read_as_they_are_counted(
        trace in crate::tsdl::tests::any_trace(),
        packet in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("metadata"), crate::tsdl::write(&trace)).unwrap();
        std::fs::write(folder.path().join("data"), &packet).unwrap();
        let options = Options { window_bytes: 0, ..Options::default() };
        let Ok(mut reader) = Reader::open(&[folder.path().to_owned()], &options) else { return Ok(()) };
        let mut seen = 0u64;
        while let Ok(Some(message)) = reader.next() {
            if let Message::Event(mut event) = message {
                let mut script = Script::default();
                // There may be too many elements without size.
                let _ = event.show_packet_context(&mut script).and_then(|()| event.show(&mut script));
                seen += 1;
            }
        }
        let mut decoder = crate::decode::TraceDecoder::new(&trace).unwrap();
        let mut offset = 0;
        let mut counted = 0u64;
        while let Some(rest) = packet.get(offset..).filter(|rest| !rest.is_empty()) {
            let Ok(info) = decoder.packet(rest, rest.len() as u64) else { break };
            let _ = decoder.events(rest, &info, |_| counted += 1);
            offset += (info.packet_bits / 8) as usize;
        }
        // Times may fall, which only the reader minds.
        prop_assert!(seen <= counted, "{} {}", seen, counted);
    }
}
