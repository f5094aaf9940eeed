//! Users and their sessions.

use super::{Client, segment};
use crate::error::Error;
use crate::request::Request;
use crate::settings::SetupError;
use crate::stream::Items;
use scanyard_contract::hidden::Hidden;
use scanyard_contract::user::{
    ChangePassword, CreateUser, CreatedUser, Login, Me, Refresh, SessionsEnded, Tokens, UpdateUser, User,
};
use scanyard_contract::wire::Deleted;
use scanyard_contract::{Contract, Kind};

impl Client {
    /// `POST /auth/login`: tokens for [`super::Credential::Token`].
    pub async fn log_in(&self, login: &Login) -> Result<Tokens, Error> {
        if !self.is_private {
            let message = SetupError::InTheClear.to_string();
            return Err(Error::here(Contract::ScanApi, Kind::UnexpectedValue, message));
        }
        self.data(Request::post("auth/login").json(login).hiding(&login.password)).await
    }

    /// `POST /auth/refresh`: the next tokens of a session.
    pub async fn refresh(&self, refresh_token: &Hidden) -> Result<Tokens, Error> {
        let body = Refresh { refresh_token: Some(refresh_token.clone()) };
        self.data(Request::post("auth/refresh").json(&body).hiding(refresh_token)).await
    }

    /// `POST /auth/logout`: ends the session.
    pub async fn log_out(&self, refresh_token: &Hidden) -> Result<SessionsEnded, Error> {
        let body = Refresh { refresh_token: Some(refresh_token.clone()) };
        self.data(Request::post("auth/logout").json(&body).hiding(refresh_token)).await
    }

    /// `GET /auth/me`.
    pub async fn me(&self) -> Result<Me, Error> {
        self.data(Request::get("auth/me")).await
    }

    /// `POST /auth/change-password`: ends the user's other sessions.
    pub async fn change_password(&self, change: &ChangePassword) -> Result<SessionsEnded, Error> {
        let request = Request::post("auth/change-password").json(change);
        self.data(request.hiding(&change.current_password).hiding(&change.new_password)).await
    }

    /// `POST /users`.
    pub async fn create_user(&self, user: &CreateUser) -> Result<CreatedUser, Error> {
        let request = Request::post("users").json(user);
        self.data(user.password.iter().fold(request, |request, password| request.hiding(password))).await
    }

    /// `GET /users`, every page of it.
    pub fn users(&self) -> Items<User> {
        self.items(Request::get("users"))
    }

    /// `GET /users/{id}`.
    pub async fn user(&self, id: &str) -> Result<User, Error> {
        self.data(Request::get(path(id, ""))).await
    }

    /// `PATCH /users/{id}`.
    pub async fn update_user(&self, id: &str, change: &UpdateUser) -> Result<User, Error> {
        let request = Request::patch(path(id, "")).json(change);
        self.data(change.password.iter().fold(request, |request, password| request.hiding(password))).await
    }

    /// `DELETE /users/{id}`.
    pub async fn delete_user(&self, id: &str) -> Result<Deleted, Error> {
        self.data(Request::delete(path(id, ""))).await
    }

    /// `POST /users/{id}/unlock`: after too many wrong passwords.
    pub async fn unlock_user(&self, id: &str) -> Result<User, Error> {
        self.data(Request::post(path(id, "/unlock"))).await
    }
}

fn path(id: &str, verb: &str) -> String {
    format!("users/{}{verb}", segment(id))
}
