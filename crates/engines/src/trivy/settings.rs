//! Files that say themselves to be settings of infrastructure. One that cannot be parsed trivy takes for another file, without a
//! word, so that it looks like one without faults.

use serde::de::IgnoredAny;
use std::collections::HashSet;
use std::io;
use std::path::Path;

/// The largest file that is looked at.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// What is in every manifest of Kubernetes, and in every template of CloudFormation: by these trivy knows them.
const FORMS: [&[&str]; 2] = [&["apiVersion", "kind", "metadata"], &["AWSTemplateFormatVersion", "Resources"]];
/// What begins an expression of a template, which is no YAML before it is filled in.
const TEMPLATE: [&str; 2] = ["{{", "{%"];

/// Paths below `root` of files that say to be settings and are not among those that were `scanned`, in order.
pub fn passed_over(root: &Path, scanned: &HashSet<String>, skipped: &[String]) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    look(root, "", skipped, &mut found)?;
    found.retain(|path| !scanned.contains(path));
    found.sort();
    Ok(found)
}

fn look(folder: &Path, below: &str, skipped: &[String], found: &mut Vec<String>) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(path) = name.to_str().map(|name| format!("{below}{name}")) else { continue };
        if entry.file_type()?.is_dir() {
            if name != ".git" && !skipped.contains(&path) {
                look(&entry.path(), &format!("{path}/"), skipped, found)?;
            }
        } else if entry.metadata()?.len() <= MAX_BYTES && says_so(&path, &entry.path())? {
            found.push(path);
        }
    }
    Ok(())
}

fn says_so(name: &str, path: &Path) -> io::Result<bool> {
    let end = name.rsplit('.').next().unwrap_or_default();
    if !matches!(end, "yaml" | "yml" | "json") {
        return Ok(false);
    }
    let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    Ok(if end == "json" { is_broken_json(&text) } else { is_yaml(&text) })
}

/// Of JSON the place of a key is not known before it is read, so what can be read is not judged.
fn is_broken_json(text: &str) -> bool {
    let has = |key: &&str| text.contains(&format!("\"{key}\""));
    FORMS.iter().any(|keys| keys.iter().all(has)) && serde_json::from_str::<IgnoredAny>(text).is_err()
}

fn is_yaml(text: &str) -> bool {
    let has = |key: &&str| text.lines().any(|line| line.strip_prefix(*key).is_some_and(|rest| rest.starts_with(':')));
    FORMS.iter().any(|keys| keys.iter().all(has)) && !TEMPLATE.iter().any(|begin| text.contains(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_known_by_their_keys() {
        for (text, is) in [
            ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n spec: [\n", true),
            ("# a\r\nkind: Pod\r\nmetadata: {}\r\napiVersion: v1\r\n", true),
            ("AWSTemplateFormatVersion: \"2010-09-09\"\nResources: [\n", true),
            // A list for kustomize, a chart, a template of one, and what is deeper than the first level.
            ("apiVersion: v1\nkind: Kustomization\nresources: []\n", false),
            ("apiVersion: v2\nname: chart\n", false),
            ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n", false),
            ("a:\n  apiVersion: v1\n  kind: Pod\n  metadata: {}\n", false),
        ] {
            assert_eq!(is_yaml(text), is, "{text}");
        }
        let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {}}"#;
        assert!(!is_broken_json(pod) && is_broken_json(&pod[..pod.len() - 1]) && !is_broken_json("{"));
    }
}
