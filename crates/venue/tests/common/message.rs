//! A message as a list of fields in JSON text, so that a test can take one away, change it or send it twice.

/// An object's fields in order: key, and value as JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Message(pub(crate) Vec<(String, String)>);

impl Message {
    /// The fields of an object.
    pub(crate) fn read(text: &str) -> Self {
        let object: serde_json::Map<_, _> = serde_json::from_str(text).expect("an object");
        Self(object.into_iter().map(|(key, value)| (key, value.to_string())).collect())
    }

    /// The value of a field, as JSON text.
    pub(crate) fn get(&self, key: &str) -> &str {
        let field = self.0.iter().find(|(name, _)| name == key);
        &field.unwrap_or_else(|| panic!("no field {key}")).1
    }

    /// Without this field.
    pub(crate) fn without(&self, key: &str) -> Self {
        Self(self.0.iter().filter(|(name, _)| name != key).cloned().collect())
    }

    /// With another value for this field.
    pub(crate) fn with(&self, key: &str, value: &str) -> Self {
        let mut message = self.without(key);
        message.0.push((key.to_owned(), value.to_owned()));
        message
    }

    /// With this field a second time, at the end.
    pub(crate) fn doubled(&self, key: &str) -> Self {
        let mut message = self.clone();
        message.0.push((key.to_owned(), self.get(key).to_owned()));
        message
    }

    /// As JSON.
    pub(crate) fn text(&self) -> String {
        let fields: Vec<_> = self.0.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }
}
