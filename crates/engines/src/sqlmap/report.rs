//! What sqlmap writes: its JSON report of 1.10, or the log of its notes, which is all that older ones write.

use serde::Deserialize;
use serde_json::Value;

/// A report, as far as it goes.
#[derive(Debug, Default, PartialEq)]
pub struct Document {
    /// The bytes are in a shape that sqlmap writes.
    pub is_sqlmap: bool,
    pub version: Option<String>,
    pub points: Vec<Point>,
    /// Points beyond [`MAX_POINTS`].
    pub left_out: u64,
}

/// A parameter that reaches the database.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Point {
    /// The page; absent in the log, which does not say it.
    pub url: Option<String>,
    /// `GET`, `POST`, `Cookie`, …
    pub place: String,
    pub parameter: String,
    pub dbms: Option<String>,
    pub ways: Vec<Way>,
}

/// How it was seen.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Way {
    pub technique: String,
    pub title: String,
    pub payload: String,
}

/// Points and ways of each that are kept; a crawl finds dozens.
const MAX_POINTS: usize = 10_000;
const MAX_WAYS: usize = 20;

/// Reads either form. There is no error: what cannot be read is not sqlmap's.
pub fn parse(bytes: &[u8]) -> Document {
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if start == Some(&b'{') { json(bytes) } else { log(&String::from_utf8_lossy(bytes)) }
}

#[derive(Deserialize)]
struct Report {
    success: Option<bool>,
    /// Of a run with one target that has results.
    #[serde(default)]
    data: Option<Vec<Entry>>,
    /// Of a run with several.
    #[serde(default)]
    targets: Option<Vec<Targeted>>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize)]
struct Targeted {
    #[serde(default)]
    data: Vec<Entry>,
}

#[derive(Deserialize, Default)]
struct Meta {
    #[serde(default)]
    sqlmap_version: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    type_name: String,
    #[serde(default)]
    value: Value,
}

fn json(bytes: &[u8]) -> Document {
    let Ok(report) = serde_json::from_slice::<Report>(bytes) else { return Document::default() };
    let is_sqlmap = report.success.is_some() && (report.data.is_some() || report.targets.is_some());
    let groups = report.targets.into_iter().flatten().map(|target| target.data).chain(report.data);
    let mut points = groups.flat_map(|group| group_points(&group));
    let kept = points.by_ref().take(MAX_POINTS).collect();
    let left_out = points.count() as u64;
    // `sqlmap/1.10.10#pip`
    let version = report.meta.sqlmap_version.map(|text| {
        let number = text.rsplit('/').next().unwrap_or_default();
        number.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect()
    });
    Document { is_sqlmap, version, points: kept, left_out }
}

/// The points of one target: an entry says where, others say what.
fn group_points(group: &[Entry]) -> Vec<Point> {
    let target = group.iter().find(|entry| entry.type_name == "TARGET");
    let url = target.and_then(|entry| entry.value.get("url")?.as_str()).map(str::to_string);
    let techniques = group.iter().filter(|entry| entry.type_name == "TECHNIQUES");
    let values = techniques.filter_map(|entry| entry.value.as_array()).flatten();
    values.map(|value| Point { url: url.clone(), ..point(value) }).collect()
}

fn point(value: &Value) -> Point {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
    let way = |way: &Value| Way {
        technique: text(way, "technique"),
        title: text(way, "title"),
        payload: text(way, "payload"),
    };
    let dbms = match value.get("dbms") {
        Some(Value::String(name)) => Some(name.clone()),
        Some(Value::Array(names)) => names.first().and_then(Value::as_str).map(str::to_string),
        _ => None,
    };
    let ways = value.get("data").and_then(Value::as_array).into_iter().flatten();
    Point {
        url: None,
        place: text(value, "place"),
        parameter: text(value, "parameter"),
        dbms,
        ways: ways.take(MAX_WAYS).map(way).collect(),
    }
}

fn log(text: &str) -> Document {
    let mut document = Document::default();
    let points = &mut document.points;
    for line in text.lines() {
        let line = line.trim();
        if line.contains("following injection point(s)") {
            document.is_sqlmap = true;
        } else if let Some((parameter, place)) = after(line, "Parameter: ").and_then(|rest| rest.split_once(" (")) {
            if points.len() < MAX_POINTS {
                let place = place.strip_suffix(')').unwrap_or(place).to_string();
                points.push(Point { parameter: parameter.to_string(), place, ..Point::default() });
            } else {
                document.left_out += 1;
            }
        } else if let Some(name) = after(line, "back-end DBMS: ") {
            points
                .iter_mut()
                .filter(|point| point.dbms.is_none())
                .for_each(|point| point.dbms = Some(name.to_string()));
        } else if let Some(point) = points.last_mut() {
            detail(point, line);
        }
    }
    document
}

fn detail(point: &mut Point, line: &str) {
    if let Some(technique) = after(line, "Type: ") {
        if point.ways.len() < MAX_WAYS {
            point.ways.push(Way { technique: technique.to_string(), ..Way::default() });
        }
    } else if let Some(way) = point.ways.last_mut() {
        if let Some(title) = after(line, "Title: ") {
            way.title = title.to_string();
        } else if let Some(payload) = after(line, "Payload: ") {
            way.payload = payload.to_string();
        }
    }
}

fn after<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    line.strip_prefix(label)
}
