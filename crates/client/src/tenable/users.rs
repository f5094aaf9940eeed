//! Users, and the caller's own session.

use super::{Client, check};
use crate::error::Error;
use crate::request::Request;
use scanyard_contract::hidden::Hidden;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A user; Tenable says more than is named here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub id: u64,
    #[serde(default)]
    pub uuid: Option<String>,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    /// 16 basic, 24 scan operator, 32 standard, 40 scan manager, 64 administrator.
    #[serde(default)]
    pub permissions: u64,
    #[serde(default)]
    pub enabled: bool,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateUser {
    /// An e-mail address.
    pub username: String,
    pub password: Hidden,
    pub permissions: u64,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// A pair of keys, shown once.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    pub access_key: Hidden,
    pub secret_key: Hidden,
}

impl Client {
    /// `GET /session`: who the caller is; whom it acts for under [`Client::impersonate`].
    pub async fn me(&self) -> Result<User, Error> {
        self.fetch(Request::get("session")).await
    }

    /// `GET /users`.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        #[derive(Deserialize)]
        struct List {
            users: Vec<User>,
        }
        Ok(self.fetch::<List>(Request::get("users")).await?.users)
    }

    /// `GET /users/{id}`.
    pub async fn user(&self, id: u64) -> Result<User, Error> {
        self.fetch(Request::get(format!("users/{id}"))).await
    }

    /// `POST /users`; a name that is in use is a conflict.
    pub async fn create_user(&self, user: &CreateUser) -> Result<User, Error> {
        check::number("permissions", user.permissions, 0..=255)?;
        let body = json!({"username": user.username, "password": user.password.reveal(), "type": "local",
            "permissions": user.permissions, "name": user.name, "email": user.email});
        let body: Map<String, Value> = match body {
            Value::Object(body) => body.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            _ => Map::new(),
        };
        self.fetch(Request::post("users").json(&body).hiding(&user.password)).await
    }

    /// `PUT /users/{id}` with all of permissions, enabled and e-mail.
    pub async fn update_user(&self, id: u64, user: &Value) -> Result<User, Error> {
        self.fetch(Request::put(format!("users/{id}")).json(user)).await
    }

    /// `DELETE /users/{id}`.
    pub async fn delete_user(&self, id: u64) -> Result<(), Error> {
        self.request(&Request::delete(format!("users/{id}"))).await.map(|_| ())
    }

    /// `PUT /users/{id}/enabled`.
    pub async fn enable_user(&self, id: u64, is_enabled: bool) -> Result<(), Error> {
        let request = Request::put(format!("users/{id}/enabled")).json(&json!({"enabled": is_enabled}));
        self.request(&request).await.map(|_| ())
    }

    /// `PUT /users/{id}/chpasswd`; a password that is too weak is [`scanyard_contract::Kind::PasswordComplexity`].
    pub async fn change_password(&self, id: u64, current: &Hidden, new: &Hidden) -> Result<(), Error> {
        self.chpasswd(format!("users/{id}/chpasswd"), current, new).await
    }

    /// `PUT /session/chpasswd`: the caller's own.
    pub async fn change_own_password(&self, current: &Hidden, new: &Hidden) -> Result<(), Error> {
        self.chpasswd("session/chpasswd".to_string(), current, new).await
    }

    async fn chpasswd(&self, path: String, current: &Hidden, new: &Hidden) -> Result<(), Error> {
        let body = json!({"password": new.reveal(), "current_password": current.reveal()});
        let mut request = Request::put(path).json(&body).hiding(current).hiding(new);
        // A second try with the old password would count as a wrong one, and five of those lock the account.
        request.is_idempotent = Some(false);
        self.request(&request).await.map(|_| ())
    }

    /// `PUT /users/{id}/keys`: a new pair; the old one ends.
    pub async fn create_keys(&self, id: u64) -> Result<Keys, Error> {
        let mut request = Request::put(format!("users/{id}/keys"));
        // Each try ends the keys of the one before.
        request.is_idempotent = Some(false);
        self.fetch(request).await
    }
}
