//! What readings look like, and the SQL that tells them from records that are none.

/// What the records of a topic have to be.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// The fields, in the order in which they are looked at.
    pub fields: &'static [Field],
    /// The field with the event time.
    pub event_time: &'static str,
    /// By how much the watermark trails the newest reading, as an interval.
    pub max_delay: &'static str,
}

/// A field of a reading.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub type_: Type,
    /// Whether a reading must have it.
    pub required: bool,
}

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// A text, of so many characters at most.
    Text(Option<i32>),
    /// A number within bounds, both included.
    Number(f64, f64),
    /// A time.
    Time,
}

impl Field {
    /// A field that a reading must have.
    pub const fn required(name: &'static str, type_: Type) -> Self {
        Self {
            name,
            type_,
            required: true,
        }
    }

    /// A field that a reading may lack.
    pub const fn optional(name: &'static str, type_: Type) -> Self {
        Self {
            name,
            type_,
            required: false,
        }
    }

    /// Its value as a column, from a JSON object of this name.
    pub(crate) fn column(&self, object: &str) -> String {
        let type_ = match self.type_ {
            Type::Text(_) => "text",
            Type::Number(..) => "double precision",
            Type::Time => "timestamptz",
        };
        format!("({object}->>'{}')::{type_}", self.name)
    }

    /// A row of the table `fields`.
    fn row(&self) -> String {
        let (kind, longest, least, greatest) = match self.type_ {
            Type::Text(longest) => ("string", longest, None, None),
            Type::Number(least, greatest) => ("number", None, Some(least), Some(greatest)),
            Type::Time => ("time", None, None, None),
        };
        let or_null = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
        format!(
            "('{}', '{kind}', {}, {}, {}, {})",
            self.name,
            self.required,
            or_null(longest.map(|n| n.to_string())),
            or_null(least.map(|n| n.to_string())),
            or_null(greatest.map(|n| n.to_string())),
        )
    }
}

impl Input {
    /// The field with the event time, as a column.
    pub(crate) fn time(&self, object: &str) -> String {
        format!("({object}->>'{}')::timestamptz", self.event_time)
    }

    /// Makes the function `refusal` in a schema: why a record is no reading, or null if it is one.
    pub(crate) fn refusal(&self, schema: &str) -> String {
        let rows: Vec<String> = self.fields.iter().map(Field::row).collect();
        let fields = rows.join(", ");
        let time = self.time("object");
        format!(
            r"
CREATE TABLE {schema}.fields (number serial, name text, kind text, required boolean,
                              longest integer, least double precision, greatest double precision);
INSERT INTO {schema}.fields (name, kind, required, longest, least, greatest) VALUES {fields};
CREATE FUNCTION {schema}.refusal(value bytea, broker_ms bigint) RETURNS text AS $$
DECLARE
    object jsonb;
    field record;
    member jsonb;
BEGIN
    IF value IS NULL THEN RETURN 'tombstone'; END IF;
    BEGIN
        object := convert_from(value, 'UTF8')::jsonb;
    EXCEPTION WHEN OTHERS THEN
        RETURN 'not_json';
    END;
    IF jsonb_typeof(object) <> 'object' THEN RETURN 'not_json'; END IF;
    FOR field IN SELECT * FROM {schema}.fields ORDER BY number LOOP
        member := object->field.name;
        IF member IS NULL OR jsonb_typeof(member) = 'null' THEN
            IF field.required THEN RETURN 'missing_field'; END IF;
        ELSIF field.kind = 'number' THEN
            IF jsonb_typeof(member) <> 'number' THEN RETURN 'wrong_type'; END IF;
            IF (member#>>'{{}}')::double precision NOT BETWEEN field.least AND field.greatest THEN
                RETURN 'out_of_range';
            END IF;
        ELSIF jsonb_typeof(member) <> 'string' THEN
            RETURN 'wrong_type';
        ELSIF field.kind = 'time' THEN
            IF member#>>'{{}}' !~ '^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$' THEN
                RETURN 'bad_timestamp';
            END IF;
        ELSIF length(member#>>'{{}}') > field.longest THEN
            RETURN 'too_long';
        END IF;
    END LOOP;
    IF {time} > to_timestamp(broker_ms / 1000.0) + interval '5 minutes' THEN RETURN 'future'; END IF;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
"
        )
    }
}
