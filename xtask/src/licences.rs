//! Which crates may be built in: their licences, doubles and bans, as `deny.toml` says. `cargo deny` would do the same
//! and look up advisories, but takes minutes to install and needs the network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use spdx::{Expression, ParseMode};
use toml::Table;

use crate::{cargo, root};

/// Checks all crates that `Cargo.lock` names.
///
/// # Errors
/// Each crate that may not be used, and why.
pub(crate) fn check() -> Result<(), String> {
    let rules = Rules::read()?;
    let output = cargo(&["metadata", "--locked", "--format-version", "1"])
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata is not JSON: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let packages: Vec<Package> = packages.iter().map(Package::of).collect();
    let faults = rules.faults(&packages);
    println!("{} crates checked", packages.len());
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// What is known of a crate.
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
}

impl Package {
    fn of(value: &Value) -> Package {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        Package {
            name: text("name").unwrap_or_default(),
            version: text("version").unwrap_or_default(),
            licence: text("license"),
        }
    }
}

/// The part of `deny.toml` that is checked here.
struct Rules {
    allowed: BTreeSet<String>,
    banned: BTreeSet<String>,
    doubles: BTreeSet<String>,
}

impl Rules {
    fn read() -> Result<Rules, String> {
        let path = root().join("deny.toml");
        let text =
            fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Rules::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse(text: &str) -> Result<Rules, String> {
        let table: Table = text.parse().map_err(|error| format!("{error}"))?;
        let list = |section: &str, key: &str| {
            let items = table.get(section).and_then(|table| table.get(key)).and_then(|list| list.as_array());
            let items = items.ok_or_else(|| format!("[{section}] has no list {key}"))?;
            items
                .iter()
                .map(|item| {
                    let name = item.as_str().or_else(|| item.get("crate").and_then(|name| name.as_str()));
                    // A skipped crate may name its version: `syn@1`.
                    name.map(|name| name.split('@').next().unwrap_or(name).to_owned())
                        .ok_or_else(|| format!("[{section}] {key} has an item that names nothing"))
                })
                .collect::<Result<BTreeSet<String>, String>>()
        };
        Ok(Rules {
            allowed: list("licenses", "allow")?,
            banned: list("bans", "deny")?,
            doubles: list("bans", "skip")?,
        })
    }

    fn faults(&self, packages: &[Package]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut versions = BTreeMap::<&str, Vec<&str>>::new();
        for Package { name, version, licence } in packages {
            versions.entry(name).or_default().push(version);
            if self.banned.contains(name) {
                faults.push(format!("{name} {version} is banned by deny.toml"));
            }
            match licence.as_deref() {
                None => faults.push(format!("{name} {version} names no licence")),
                Some(licence) => match Expression::parse_mode(licence, ParseMode::LAX) {
                    Err(error) => {
                        faults.push(format!("{name} {version}: the licence cannot be read: {error}"))
                    }
                    Ok(expression) if !expression.evaluate(|req| self.allowed.contains(&req.to_string())) => {
                        faults.push(format!(
                            "{name} {version} is under {licence}, which deny.toml does not allow"
                        ));
                    }
                    Ok(_) => {}
                },
            }
        }
        for (name, versions) in versions {
            if versions.len() > 1 && !self.doubles.contains(name) {
                faults.push(format!("{name} is built in more than one version: {}", versions.join(", ")));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0 WITH LLVM-exception"]
        [bans]
        deny = [{ crate = "left-pad" }]
        skip = ["syn@1"]
    "#;

    fn faults(packages: &[(&str, &str, Option<&str>)]) -> Vec<String> {
        let package = |&(name, version, licence): &(&str, &str, Option<&str>)| Package {
            name: name.into(),
            version: version.into(),
            licence: licence.map(str::to_owned),
        };
        Rules::parse(RULES).unwrap().faults(&packages.iter().map(package).collect::<Vec<_>>())
    }

    #[test]
    fn allows_what_one_of_the_offered_licences_allows() {
        assert_eq!(
            faults(&[("a", "1.0.0", Some("GPL-3.0-only OR MIT")), ("b", "1.0.0", Some("Unlicense/MIT"))]),
            [""; 0]
        );
        assert_eq!(faults(&[("a", "1.0.0", Some("Apache-2.0 WITH LLVM-exception"))]), [""; 0]);
        assert_eq!(faults(&[("syn", "1.0.0", Some("MIT")), ("syn", "2.0.0", Some("MIT"))]), [""; 0]);
    }

    #[test]
    fn refuses_the_rest() {
        for refused in [
            [("a", "1.0.0", Some("GPL-3.0-only AND MIT"))].as_slice(),
            &[("a", "1.0.0", Some("Apache-2.0"))],
            &[("a", "1.0.0", Some("MIT-ish"))],
            &[("a", "1.0.0", None)],
            &[("left-pad", "1.0.0", Some("MIT"))],
            &[("a", "1.0.0", Some("MIT")), ("a", "2.0.0", Some("MIT"))],
        ] {
            assert_eq!(faults(refused).len(), 1, "{:?}", faults(refused));
        }
    }
}
