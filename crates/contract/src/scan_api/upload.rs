//! Uploads: files to scan.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, KEY, get, post, right, wrong};

pub static UPLOAD_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("UPLOAD_NOT_FOUND"),
    status: Some(404),
    source: Source::Scanyard,
    category: Category::Upload,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "Upload not found",
    meaning: "Your organization has no upload with this id. Whether another organization has one is not told.",
    causes: &[
        "It was removed: an upload is kept for a day after its last use, unless the operator set another time.",
        "It was deleted.",
        "The id lacks its `upl-`, is not complete, or is that of a scan.",
        "The upload belongs to another organization.",
    ],
    resolution: "Upload the files again and take the id from the answer; `GET /uploads` lists what there is.",
    examples: &[
        right(
            "an upload that is there, as target",
            post("/scans", r#"{"target": "upload:upl-$UUID", "scanType": "trivy"}"#),
        ),
        wrong("the file's name instead of the id", get("/uploads/project.tar.gz")),
    ],
};

pub static INVALID_UPLOAD: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_UPLOAD"),
    status: Some(400),
    source: Source::Scanyard,
    category: Category::Upload,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "The upload cannot be taken",
    meaning: "The body arrived, but is not what its `Content-Type` says, or holds what is not unpacked here. `details` names \
              the entry and the reason. Nothing was kept.",
    causes: &[
        "The archive holds links, devices, absolute paths or `..`, or one path twice.",
        "It holds too many files, too deep folders, or unpacks to far more than its own size.",
        "It is cut, or not of the type that `Content-Type` names: a plain tar is none of gzip.",
        "JSON that is no bill of materials of CycloneDX or SPDX.",
        "The archive holds no file at all.",
    ],
    resolution: "Pack the folder anew: `tar --dereference -czf project.tar.gz -C project .`, without what need not be scanned. \
                 `scanyard scan trivy FOLDER` packs as it should be.",
    examples: &[
        right(
            "a packed folder",
            Call {
                method: "POST",
                headers: &[KEY, "Content-Type: application/gzip"],
                flags: "--data-binary @project.tar.gz",
                ..get("/uploads?name=project")
            },
        ),
        wrong(
            "JSON that is no bill of materials",
            Call { headers: &[KEY, "Content-Type: application/json"], ..post("/uploads", "{}") },
        ),
    ],
};
