//! What makes a template acceptable, how it is changed, and which scan a launch of it is.

use crate::scan::{self, DEFAULT_TIMEOUT};
use crate::schema::{self, Fault, Found};
use crate::store::template::TemplateRecord;
use scanyard_contract::scan::{CreateScan, DEFAULT_LABEL};
use scanyard_contract::template::{CreateTemplate, LaunchTemplate, Template, UpdateTemplate};
use scanyard_contract::{Priority, TargetType, Timestamp};
use scanyard_engines::Target;
use scanyard_engines::engine::engine;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Whether a body lacks a template's name: it is null or blank, or absent where it must be there.
pub fn is_nameless(body: &Value, must_be_there: bool) -> bool {
    match body.get("name") {
        None => must_be_there && body.is_object(),
        Some(Value::Null) => true,
        Some(Value::String(name)) => name.trim().is_empty(),
        Some(_) => false,
    }
}

/// A new template.
pub fn record(create: CreateTemplate, tenant_id: &str, now: i64) -> TemplateRecord {
    let CreateTemplate {
        name,
        description,
        scan_type,
        target_type,
        priority,
        options,
        config,
        tags,
        timeout,
        worker_label,
    } = create;
    TemplateRecord {
        id: format!("tmpl-{}", Uuid::now_v7()),
        tenant_id: tenant_id.to_string(),
        name,
        description,
        scan_type,
        target_type,
        priority: priority.unwrap_or(Priority::Normal),
        options,
        config,
        tags,
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
        label: worker_label.unwrap_or_else(|| DEFAULT_LABEL.to_string()),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// The template with a change made to it.
pub fn changed(template: &TemplateRecord, update: UpdateTemplate, now: i64) -> TemplateRecord {
    let UpdateTemplate {
        name,
        description,
        scan_type,
        target_type,
        priority,
        options,
        config,
        tags,
        timeout,
        worker_label,
    } = update;
    let old = template.clone();
    TemplateRecord {
        name: name.unwrap_or(old.name),
        description: description.unwrap_or(old.description),
        scan_type: scan_type.unwrap_or(old.scan_type),
        target_type: target_type.unwrap_or(old.target_type),
        priority: priority.map_or(old.priority, |given| given.unwrap_or(Priority::Normal)),
        options: options.map_or(old.options, Option::unwrap_or_default),
        config: config.map_or(old.config, Option::unwrap_or_default),
        tags: tags.map_or(old.tags, Option::unwrap_or_default),
        timeout: timeout.map_or(old.timeout, |given| given.unwrap_or(DEFAULT_TIMEOUT)),
        label: worker_label.map_or(old.label, |given| given.unwrap_or_else(|| DEFAULT_LABEL.to_string())),
        version: old.version + 1,
        updated_at: now,
        id: old.id,
        tenant_id: old.tenant_id,
        created_at: old.created_at,
    }
}

/// What is wrong with a template beyond its schema, each fault with its place.
pub fn faults(template: &TemplateRecord) -> Vec<Found> {
    let scan = without_target(template);
    let mut found = scan::faults(&scan, &scan::read_options(&scan));
    let is_text = |text: &String| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'));
    if !template.description.as_ref().is_none_or(is_text) {
        let reason = "must not hold control characters but for line ends and tabs".to_string();
        found.push(Found { field: "description".into(), fault: Fault::Bounds(reason) });
    }
    if let Some(said) = template.target_type.filter(|said| !can_take(template, *said)) {
        let reason = format!("{} takes no target of type {said}", template.scan_type);
        found.push(Found { field: "targetType".into(), fault: Fault::Bounds(reason) });
    }
    schema::sort(&mut found);
    found
}

/// Whether some target of that type can be one for the template's engine.
fn can_take(template: &TemplateRecord, said: TargetType) -> bool {
    let forms = &engine(template.scan_type).targets;
    let is_said = |example: &str| Target::parse_for(template.scan_type, example).is_ok_and(|target| target.is_a(said));
    forms.is_empty() || forms.iter().any(|(form, example)| *form == said || is_said(example))
}

/// The template as a scan whose target is yet to come.
fn without_target(template: &TemplateRecord) -> CreateScan {
    CreateScan {
        target: String::new(),
        scan_type: template.scan_type,
        name: Some(template.name.clone()),
        target_type: template.target_type,
        priority: Some(template.priority),
        options: template.options.clone(),
        config: template.config.clone(),
        tags: template.tags.clone(),
        timeout: Some(template.timeout),
        worker_label: Some(template.label.clone()),
        asset_id: None,
        callback_url: None,
        consent: None,
        auth: None,
    }
}

/// The scan that a launch asks for. What the launch gives wins over the template, its `options` over both of the
/// template's maps: else an option that the template's `config` sets could not be changed.
pub fn scan_of(template: &TemplateRecord, launch: LaunchTemplate) -> CreateScan {
    let LaunchTemplate {
        target,
        name,
        target_type,
        priority,
        options,
        config,
        tags,
        timeout,
        worker_label,
        asset_id,
        callback_url,
        consent,
        auth,
    } = launch;
    let of_template = without_target(template);
    let mut base_config = of_template.config;
    base_config.retain(|name, _| !options.contains_key(name));
    CreateScan {
        target,
        scan_type: of_template.scan_type,
        name: name.or(of_template.name),
        target_type: target_type.or(of_template.target_type),
        priority: priority.or(of_template.priority),
        options: over(of_template.options, options),
        config: over(base_config, config),
        tags: tags.unwrap_or(of_template.tags),
        timeout: timeout.or(of_template.timeout),
        worker_label: worker_label.or(of_template.worker_label),
        asset_id,
        callback_url,
        consent,
        auth,
    }
}

/// One map over another, key by key.
fn over(mut below: Map<String, Value>, above: Map<String, Value>) -> Map<String, Value> {
    below.extend(above);
    below
}

/// The template as the API shows it.
pub fn to_wire(template: &TemplateRecord) -> Template {
    let shown = template.clone();
    Template {
        id: shown.id,
        tenant_id: shown.tenant_id.parse().unwrap_or_default(),
        name: shown.name,
        description: shown.description,
        scan_type: shown.scan_type,
        target_type: shown.target_type,
        priority: shown.priority,
        options: shown.options,
        config: shown.config,
        tags: shown.tags,
        timeout: shown.timeout,
        worker_label: shown.label,
        created_at: Timestamp(shown.created_at),
        updated_at: Timestamp(shown.updated_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(body: Value) -> TemplateRecord {
        record(serde_json::from_value(body).unwrap(), "tenant", 0)
    }

    #[test]
    fn a_launch_wins_over_the_template_key_by_key() {
        let template = template(json!({"name": "t", "scanType": "nmap", "tags": ["a"], "priority": "low",
            "options": {"ports": "1", "timing": "T2"}, "config": {"ports": "2", "maxRate": 5}}));
        let launch = json!({"target": "127.0.0.1", "options": {"ports": "3"}, "config": {"timing": "T4"}});
        let scan = scan_of(&template, serde_json::from_value(launch).unwrap());
        let effective = scan::effective_options(&scan.options, &scan.config);
        assert_eq!(Value::Object(effective.into_owned()), json!({"ports": "3", "timing": "T4", "maxRate": 5}));
        assert_eq!((scan.name.as_deref(), scan.priority), (Some("t"), Some(Priority::Low)));
        assert_eq!(scan.tags, ["a"]);
        let launch = json!({"target": "127.0.0.1", "tags": [], "priority": "high", "name": "this one"});
        let scan = scan_of(&template, serde_json::from_value(launch).unwrap());
        assert_eq!((scan.name.as_deref(), scan.priority, scan.tags.len()), (Some("this one"), Some(Priority::High), 0));
    }

    #[test]
    fn a_name_is_more_than_blanks() {
        for (body, create, update) in [
            (json!({}), true, false),
            (json!({"name": null}), true, true),
            (json!({"name": " \t"}), true, true),
            (json!({"name": 1}), false, false),
            (json!({"name": "n"}), false, false),
            (json!([]), false, false),
        ] {
            assert_eq!((is_nameless(&body, true), is_nameless(&body, false)), (create, update), "{body}");
        }
    }

    #[test]
    fn a_target_type_that_the_engine_never_takes_is_a_fault() {
        let fields = |body| faults(&template(body)).into_iter().map(|found| found.field).collect::<Vec<_>>();
        assert_eq!(fields(json!({"name": "t", "scanType": "nmap", "targetType": "url"})), ["targetType"]);
        for said in ["host", "domain", "ip", "network"] {
            assert_eq!(fields(json!({"name": "t", "scanType": "nmap", "targetType": said})), [""; 0], "{said}");
        }
    }
}
