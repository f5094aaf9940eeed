//! The calls that receivers get, as the OpenAPI document declares them under `webhooks`.

use super::answer::JSON;
use scanyard_contract::webhook::DeliveryEvent;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, Paths, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, PathItem, Ref, Required, ResponseBuilder, Type};

/// The headers of a call, whether each is always there, and what they are.
const HEADERS: &[(&str, bool, &str)] = &[
    ("webhook-id", true, "Id of the delivery, the same in every attempt: drop what was seen before"),
    ("webhook-timestamp", true, "Epoch seconds of this attempt: refuse what is older than five minutes"),
    (
        "webhook-signature",
        false,
        "`v1,` and the base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, keyed with the base64 decoding \
         of the secret's part after `whsec_`; two, parted by a blank, while a rotated secret's overlap lasts. Absent from a \
         scan's callback, for which no secret was agreed on",
    ),
    ("X-CertIX-Event", true, "The event"),
    ("X-CertIX-Delivery", true, "The same as `webhook-id`"),
    ("X-CertIX-Timestamp", true, "The same as `webhook-timestamp`"),
    (
        "X-CertIX-Signature",
        false,
        "`sha256=` and the hex of HMAC-SHA256 over the body, keyed with the whole secret; two, parted by a comma and a \
         blank, while a rotated secret's overlap lasts. Absent from a scan's callback",
    ),
];

/// Every call, by its event.
pub fn calls() -> Paths {
    let call = |paths: PathsBuilder, event: &DeliveryEvent| paths.path(event.as_str(), item(*event));
    DeliveryEvent::ALL.iter().fold(PathsBuilder::new(), call).build()
}

fn item(event: DeliveryEvent) -> PathItem {
    let (summary, schema) = match event {
        DeliveryEvent::Started => ("A scan began to run, for the first time", "WebhookPayload_ScanEventData"),
        DeliveryEvent::Completed => ("A scan ended well: its results can be fetched", "WebhookPayload_ScanEventData"),
        DeliveryEvent::Failed => ("A scan failed: `data.failure` says why", "WebhookPayload_ScanEventData"),
        DeliveryEvent::Cancelled => {
            ("A scan was cancelled, and its processes are gone", "WebhookPayload_ScanEventData")
        }
        DeliveryEvent::Ping => ("A test, asked for by `POST /webhooks/{webhookId}/test`", "WebhookPayload_PingData"),
    };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    let body = RequestBodyBuilder::new().content(JSON, content).required(Some(Required::True)).build();
    let taken =
        ResponseBuilder::new().description("Any 2xx: it was delivered. Nothing is read of the body but its beginning");
    let gone = ResponseBuilder::new().description("The webhook is disabled at once");
    let other = ResponseBuilder::new().description("Any other status, redirects among them: it is tried again later");
    let operation = OperationBuilder::new()
        .summary(Some(summary))
        .tag("webhooks")
        .parameters(Some(HEADERS.iter().map(|(name, is_always, text)| header(name, *is_always, text))))
        .request_body(Some(body))
        .response("2XX", taken.build())
        .response("410", gone.build())
        .response("default", other.build());
    PathItem::new(HttpMethod::Post, operation)
}

fn header(name: &str, is_always: bool, text: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if is_always { Required::True } else { Required::False })
        .description(Some(text))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build()
}
