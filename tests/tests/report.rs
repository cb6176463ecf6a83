//! `rttng report` in a real browser: the page says what is in the trace, can be used with mouse and keys, and takes
//! nothing of a trace for markup.

use std::fs;
use std::path::{Path, PathBuf};

use rttng_tests::{Browser, Need, World, apps, copy_folder, cut, eventually, vector};

/// A recording of the shop, without losses, and its page.
fn shop(world: &World, options: &[&str]) -> (PathBuf, PathBuf) {
    let (trace, page) = (world.open_dir().join("trace <b>"), world.open_dir().join("report.html"));
    let record =
        world.rttng().args(["record", "--lossless", "-t", "vpid,vtid,procname", "-e", "shop:*", "-o"]);
    record.arg(&trace).arg("--").arg(apps::built("shop")).args(["3000", "2"]).run().ok();
    world.rttng().arg("report").args(options).arg("-o").arg(&page).arg(&trace).run().ok();
    (trace, page)
}

/// What `rttng view --count` says.
fn counted(world: &World, trace: &Path, options: &[&str]) -> u64 {
    world.rttng().args(["view", "--count"]).args(options).arg(trace).run().ok().trim().parse().unwrap()
}

/// Says what the page's data holds: `data` is an expression on it.
fn data(browser: &mut Browser, expression: &str) -> serde_json::Value {
    let read = "JSON.parse(document.getElementById('data').textContent)";
    browser.eval(&format!("((data) => {expression})({read})"))
}

#[test]
fn the_page_says_what_was_recorded_and_can_be_used() {
    let Some(world) = World::open(&[Need::UstHeaders, Need::Chromium]) else { return };
    let Some(mut browser) = Browser::open() else { return };
    let (trace, page) = shop(&world, &["--rows", "2000", "--pair", "shop:request_begin,shop:request_end,id"]);
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.matches("<script").count() == 2 && text.matches("</script>").count() == 2);
    // The names of SVG's elements are in a space of that name; nothing is fetched.
    assert_eq!(text.matches("://").count(), text.matches("http://www.w3.org/2000/svg").count());

    browser.look(1600, 1000, false);
    browser.visit(&page, "");
    let total = counted(&world, &trace, &[]);
    assert_eq!(data(&mut browser, "data.total"), total);
    let requests = counted(&world, &trace, &["--event", "shop:request_begin"]);
    assert_eq!(requests, 6000);
    let of = "data.events.find((event) => event.name === 'shop:request_begin')";
    assert_eq!(data(&mut browser, &format!("{of}.count")), requests);
    // Each series has all of its events: a negative number stands for steps without any.
    let sum = format!("{of}.series.filter((n) => n > 0).reduce((a, b) => a + b)");
    assert_eq!(data(&mut browser, &sum), requests);
    let pair = "data.pairs.find((pair) => pair.key === 'id')";
    assert_eq!(
        data(
            &mut browser,
            &format!("[{pair}.count, {pair}.openBegins, {pair}.strayEnds, {pair}.tie].join()")
        ),
        "6000,0,0,field"
    );
    let queries = "data.pairs.find((pair) => pair.begin === 'shop:query_start')";
    assert_eq!(data(&mut browser, &format!("{queries}.tie")), "thread");
    // Queries take half a microsecond at least.
    assert_eq!(data(&mut browser, &format!("{queries}.min >= 500 && {queries}.percentiles[0] < 1e6")), true);

    // Nothing of the trace was taken for markup.
    assert_eq!(browser.eval("document.title"), "trace <b> · trace report");
    assert_eq!(browser.eval("document.querySelector('h1').textContent"), "trace <b>");
    assert_eq!(browser.eval("document.images.length + document.querySelectorAll('script, h1 *').length"), 2);
    browser.eval("(() => { document.querySelector('#query').value = 'onerror'; document.querySelector('#query').dispatchEvent(new Event('input')); })()");
    browser.wait_for("document.querySelectorAll('#rows tbody tr').length === 2");
    assert_eq!(
        browser.eval("document.querySelector('#rows .fields').textContent.includes('</script><script>')"),
        true
    );

    // Search and the choice of an event.
    assert!(
        browser
            .eval("document.querySelector('#found').textContent")
            .as_str()
            .unwrap()
            .starts_with("2 events found")
    );
    browser.eval("(() => { const query = document.querySelector('#query'); query.value = ''; query.dispatchEvent(new Event('input')); })()");
    browser.wait_for("document.querySelectorAll('#rows tbody tr').length === 200");
    browser.eval("document.querySelector('#busy-events button').click()");
    browser.wait_for(
        "new Set([...document.querySelectorAll('#rows .event')].map((cell) => cell.textContent)).size === 1",
    );
    browser.eval("document.querySelector('#more').click()");
    browser.wait_for("document.querySelectorAll('#rows tbody tr').length === 400");

    // The mouse chooses a span, and the page follows it.
    let window = "document.querySelector('#window').textContent";
    assert!(browser.eval(window).as_str().unwrap().starts_with("Everything"));
    // The mouse meets what the last frame showed, which on a busy machine is the page before it was scrolled, or before
    // all of it was laid out.
    let plot = "(() => { const plot = document.querySelector('#plot'); \
        plot.scrollIntoView({ block: 'center', behavior: 'instant' }); \
        const box = plot.getBoundingClientRect(); return [box.x, box.y, box.width]; })()";
    eventually("the mouse chose a span", || {
        let place = browser.eval(plot);
        let [x, y, width] = [0, 1, 2].map(|at| place[at].as_f64().unwrap());
        let at = |part: f64| (x + width * part, y + 80.0);
        browser.drag(at(0.3), at(0.6));
        let chosen = browser
            .eval("new Promise((done) => setTimeout(() => done(location.hash.startsWith('#from=')), 500))");
        chosen == true
    });
    browser.wait_for(&format!("!{window}.startsWith('Everything')"));
    browser.eval("(() => { document.querySelector('#only-window').click(); })()");
    browser.wait_for("document.querySelector('#found').textContent.includes('found')");
    let hash = browser.eval("location.hash");
    browser.eval("document.querySelector('#zoom-all').click()");
    browser.wait_for(&format!("{window}.startsWith('Everything')"));

    // Keys alone: the chart is reached, zoomed, its cursor moved and told of.
    browser.eval("document.querySelector('#plot').focus()");
    for key in ["+", "+", "ArrowRight", "ArrowRight"] {
        browser.key(key);
    }
    browser.wait_for("document.querySelector('#spoken').textContent.includes(' in ')");
    browser.wait_for("!document.querySelector('#tip').hidden");
    browser.key("0");
    browser.wait_for(&format!("{window}.startsWith('Everything')"));
    browser.key("/");
    browser.wait_for("document.activeElement.id === 'query'");
    browser.eval("document.querySelector('#rows tbody tr').focus()");
    browser.key("ArrowDown");
    browser.wait_for("document.activeElement.rowIndex === 2");
    browser.key("Enter");
    browser.wait_for("document.activeElement.id === 'plot'");

    // Everything that can be used has a name, and everything fits, light or dark, wide or narrow.
    let nameless = "[...document.querySelectorAll('button, input, select, canvas[tabindex], a')].filter((element) => \
        !(element.textContent.trim() || element.ariaLabel || element.getAttribute('aria-label') || element.labels?.length)).length";
    assert_eq!(browser.eval(nameless), 0);
    for (width, is_dark) in [(1600, true), (390, true), (390, false), (1600, false)] {
        browser.look(width, 900, is_dark);
        browser.visit(&page, "");
        let theme = if is_dark { "dark" } else { "light" };
        assert_eq!(browser.eval("document.documentElement.dataset.theme"), theme);
        let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
        assert_eq!(browser.eval(fits), true, "nothing is wider than a window of {width}");
        assert!(contrast(&mut browser, "--ink") > 7.0 && contrast(&mut browser, "--soft") > 4.5);
        assert!(contrast(&mut browser, "--faint") > 4.5, "{theme}");
        browser.screenshot(&format!("report-{width}-{theme}"));
    }
    // The other colours than the system's, and a link to a span.
    browser.visit(&page, hash.as_str().unwrap());
    browser.wait_for(&format!("!{window}.startsWith('Everything')"));
    browser.eval("document.querySelector('input[value=dark]').click()");
    assert_eq!(browser.eval("document.documentElement.dataset.theme"), "dark");
    assert_eq!(browser.complaints(), [""; 0]);
}

/// How well a colour is told from the cards that it stands on (WCAG).
fn contrast(browser: &mut Browser, color: &str) -> f64 {
    let script = "((name) => {
        const style = getComputedStyle(document.documentElement);
        const light = (name) => {
            const hex = style.getPropertyValue(name).trim().slice(1);
            const parts = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
            const [r, g, b] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const [a, b] = [light(name), light('--card')].sort((a, b) => b - a);
        return (a + 0.05) / (b + 0.05);
    })";
    browser.eval(&format!("{script}('{color}')")).as_f64().unwrap()
}

#[test]
fn a_damaged_trace_becomes_a_page_that_says_so() {
    let Some(world) = World::open(&[Need::Chromium]) else { return };
    let Some(mut browser) = Browser::open() else { return };
    let (trace, page) = (world.open_dir().join("cut"), world.open_dir().join("cut.html"));
    copy_folder(&vector("trace/discarded/trace/ust/uid/0/64-bit"), &trace);
    fs::remove_dir_all(trace.join("index")).unwrap();
    let file = trace.join("c1_0");
    cut(&file, file.metadata().unwrap().len() - 600);
    let report =
        |options: &[&str]| world.rttng().arg("report").args(options).arg("-o").arg(&page).arg(&trace).run();
    let ended = report(&["--strict"]);
    assert_eq!((ended.code(), page.exists()), (Some(1), false), "{}", ended.stderr);
    let ended = report(&[]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("the trace is damaged; the page says where"), "{}", ended.stderr);
    let counted = world.rttng().args(["view", "--count"]).arg(&trace).run();
    assert_eq!(counted.code(), Some(1));
    browser.visit(&page, "");
    let total: u64 = counted.stdout.trim().parse().unwrap();
    assert_eq!(data(&mut browser, "data.total"), total);
    assert!(total > 0);
    let said = browser.eval("document.querySelector('#damage').textContent");
    assert!(said.as_str().unwrap().starts_with("The trace is damaged: 1 part could not be read"), "{said}");
    let fault = browser.eval("document.querySelector('.faults li').textContent");
    assert!(fault.as_str().unwrap().contains("c1_0"), "{fault}");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn traces_of_all_kinds_become_pages() {
    let Some(world) = World::open(&[Need::Chromium]) else { return };
    let Some(mut browser) = Browser::open() else { return };
    for name in ["discarded", "overwrite", "per-pid", "synthetic-kernel", "dynctx-noevent"] {
        let page = world.open_dir().join(format!("{name}.html"));
        let trace = vector("trace").join(name).join("trace");
        world.rttng().arg("report").arg("-o").arg(&page).arg(&trace).run().ok();
        browser.visit(&page, "");
        assert_eq!(data(&mut browser, "data.total"), counted(&world, &trace, &[]), "{name}");
        let has_rows = browser.eval("document.querySelectorAll('#rows tbody tr').length > 0");
        assert_eq!(has_rows, counted(&world, &trace, &[]) > 0, "{name}");
        if name == "discarded" {
            let said = browser.eval("document.querySelector('#losses-body .warn').textContent");
            assert!(said.as_str().unwrap().starts_with("290 events discarded"), "{said}");
        }
    }
    assert_eq!(browser.complaints(), [""; 0]);
    let ended =
        world.rttng().args(["report", "-o", "/nowhere/at/all.html"]).arg(vector("trace/per-uid/trace")).run();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("cannot write /nowhere/at/all.html"), "{}", ended.stderr);
}
