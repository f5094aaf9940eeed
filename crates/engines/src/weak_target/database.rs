//! A database of three fruits behind a page that pastes its parameter into the query: a toy that answers as an SQLite
//! behind such a page would. It evaluates comparisons with AND, OR and NOT, and complains of all else as SQLite does.

use std::iter::Peekable;
use std::vec::IntoIter;

const FRUITS: [(i64, &str); 3] = [(1, "apple"), (2, "pear"), (3, "quince")];
/// Nesting of parentheses that is followed.
const MAX_DEPTH: usize = 32;

/// The fruits of `SELECT name FROM fruit WHERE id=` and whatever came in the parameter.
pub fn select(parameter: &str) -> Result<Vec<&'static str>, String> {
    let tokens = tokens(&format!("id={parameter}"))?;
    let mut found = Vec::new();
    for (id, name) in FRUITS {
        let mut query = Query { tokens: tokens.clone().into_iter().peekable(), id, depth: 0 };
        let value = query.any_of()?;
        if let Some(rest) = query.tokens.next() {
            return Err(near(&rest));
        }
        if value.is_true() {
            found.push(name);
        }
    }
    Ok(found)
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(i64),
    Text(String),
    /// Upper case.
    Word(String),
    Sign(&'static str),
}

#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Value {
    Null,
    Number(i64),
    Text(String),
}

impl Value {
    fn is_true(&self) -> bool {
        matches!(self, Value::Number(number) if *number != 0)
    }
}

fn near(token: &Token) -> String {
    let text = match token {
        Token::Number(number) => number.to_string(),
        Token::Text(text) => format!("'{text}'"),
        Token::Word(word) => word.clone(),
        Token::Sign(sign) => sign.to_string(),
    };
    format!("near \"{text}\": syntax error")
}

const SIGNS: [&str; 8] = ["<>", "!=", "=", "<", ">", "(", ")", ","];

fn tokens(query: &str) -> Result<Vec<Token>, String> {
    let mut rest = query;
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        if rest.starts_with("--") {
            return Ok(tokens);
        }
        let word = |rest: &str| rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign));
            sign.len()
        } else if first == '\'' {
            let Some(end) = rest[1..].find('\'') else { return Err(format!("unrecognized token: \"{rest}\"")) };
            tokens.push(Token::Text(rest[1..=end].to_string()));
            end + 2
        } else if first.is_ascii_alphanumeric() {
            let text = &rest[..word(rest)];
            tokens.push(text.parse().map_or_else(|_| Token::Word(text.to_ascii_uppercase()), Token::Number));
            text.len()
        } else {
            return Err(format!("unrecognized token: \"{first}\""));
        };
        rest = &rest[length..];
    }
}

/// The condition of a query, read and evaluated in one go for the row with this id.
struct Query {
    tokens: Peekable<IntoIter<Token>>,
    id: i64,
    depth: usize,
}

impl Query {
    fn takes(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(found) if found == word)).is_some()
    }

    fn any_of(&mut self) -> Result<Value, String> {
        let mut value = self.all_of()?;
        while self.takes("OR") {
            let right = self.all_of()?;
            value = Value::Number((value.is_true() || right.is_true()).into());
        }
        Ok(value)
    }

    fn all_of(&mut self) -> Result<Value, String> {
        let mut value = self.comparison()?;
        while self.takes("AND") {
            let right = self.comparison()?;
            value = Value::Number((value.is_true() && right.is_true()).into());
        }
        Ok(value)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        if self.takes("NOT") {
            let value = self.operand()?;
            return Ok(Value::Number((!value.is_true()).into()));
        }
        let left = self.operand()?;
        if self.takes("IS") {
            let is_negated = self.takes("NOT");
            let right = self.operand()?;
            return Ok(Value::Number(((left == right) != is_negated).into()));
        }
        let Some(Token::Sign(sign)) = self.tokens.next_if(|t| matches!(t, Token::Sign("=" | "!=" | "<>" | "<" | ">")))
        else {
            return Ok(left);
        };
        let right = self.operand()?;
        let is_so = match sign {
            "=" => left == right,
            "<" => left < right,
            ">" => left > right,
            _ => left != right,
        };
        Ok(Value::Number(is_so.into()))
    }

    fn operand(&mut self) -> Result<Value, String> {
        match self.tokens.next().ok_or("incomplete input")? {
            Token::Number(number) => Ok(Value::Number(number)),
            Token::Text(text) => Ok(Value::Text(text)),
            Token::Sign("(") => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err("parser stack overflow".to_string());
                }
                let value = self.any_of()?;
                self.expects(")")?;
                Ok(value)
            }
            Token::Word(word) => match word.as_str() {
                "ID" => Ok(Value::Number(self.id)),
                "NULL" => Ok(Value::Null),
                "LAST_INSERT_ROWID" => self.call(Value::Number(0)),
                "SQLITE_VERSION" => self.call(Value::Text("3.40.1".to_string())),
                _ => Err(format!("no such column: {word}")),
            },
            token @ Token::Sign(_) => Err(near(&token)),
        }
    }

    fn call(&mut self, value: Value) -> Result<Value, String> {
        self.expects("(")?;
        self.expects(")")?;
        Ok(value)
    }

    fn expects(&mut self, sign: &'static str) -> Result<(), String> {
        match self.tokens.next() {
            Some(Token::Sign(found)) if found == sign => Ok(()),
            Some(token) => Err(near(&token)),
            None => Err("incomplete input".to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_is_part_of_the_query() {
        for (parameter, fruits) in [
            ("1", vec!["apple"]),
            ("4", vec![]),
            ("1 AND 5=5", vec!["apple"]),
            ("1 AND 5=6", vec![]),
            ("1 AND NOT (5=6)-- comment", vec!["apple"]),
            ("4 OR 1=1", vec!["apple", "pear", "quince"]),
            ("1 AND SQLITE_VERSION()=SQLITE_VERSION()", vec!["apple"]),
            ("1 AND LAST_INSERT_ROWID() IS NOT NULL", vec!["apple"]),
        ] {
            assert_eq!(select(parameter), Ok(fruits), "{parameter}");
        }
    }

    #[test]
    fn what_is_no_query_is_complained_of() {
        for parameter in
            ["", "'", "1'", "1)", "1 2", "1 AND", "1 UNION SELECT NULL", "1 AND SLEEP(5)", "é", &"(".repeat(99)]
        {
            assert!(select(parameter).is_err(), "{parameter}");
        }
    }
}
