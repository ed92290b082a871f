use super::*;

fn property(name: &str, property_type: PropertyType) -> Property {
    Property { name: name.to_owned(), property_type, title: None, description: None }
}

/// The names of the columns of these properties, on an empty form type.
fn names(properties: &[(&str, PropertyType)]) -> Vec<String> {
    let properties: Vec<Property> =
        properties.iter().map(|(name, property_type)| property(name, *property_type)).collect();
    let (columns, left_out) = missing(&[], &properties);
    assert_eq!(left_out, [""; 0]);
    columns.into_iter().map(|column| column.name).collect()
}

#[test]
fn a_column_has_the_name_of_its_property_unless_that_is_impossible() {
    use PropertyType::{Integer, Json, Text};
    let long = "é".repeat(32);
    let cases = [
        ("company", "company"),
        ("Company Name", "Company Name"),
        ("id", "id_…"),
        ("", "_e3b0c442"),
        (&long, ""),
    ];
    for (property, expected) in cases {
        let name = names(&[(property, Text)]).remove(0);
        match property {
            "id" => assert!(name.starts_with("id_") && name.len() == 11, "{name}"),
            _ if expected.is_empty() => {
                assert!(name.starts_with(&"é".repeat(27)) && name.len() == 63, "{name}");
            }
            _ => assert_eq!(name, expected),
        }
    }
    // Further types of a property are numbered, and what is taken is not used.
    assert_eq!(
        names(&[("a", Text), ("a_2", Text), ("a", Integer), ("a", Json)]),
        ["a", "a_2", "a_3", "a_4"]
    );
    // A column of a property has the name first; the property with that name gets another.
    let taken = names(&[("a", Text), ("a", Integer), ("a_2", Text)]);
    assert_eq!(taken[..2], ["a", "a_2"]);
    assert!(taken[2].starts_with("a_2_") && taken[2].len() == 12, "{taken:?}");
    let sixty_three = "x".repeat(63);
    assert_eq!(
        names(&[(&sixty_three, Text), (&sixty_three, Integer)])[1],
        format!("{}_2", "x".repeat(61))
    );
}

#[test]
fn after_the_last_column_properties_are_left_out() {
    let properties: Vec<Property> =
        (0..1502).map(|n| property(&format!("p{n}"), PropertyType::Text)).collect();
    let (columns, left_out) = missing(&[], &properties);
    assert_eq!((columns.len(), left_out), (1500, vec!["p1500".to_owned(), "p1501".to_owned()]));
    assert_eq!(missing(&columns, &properties[..1500]), (vec![], vec![]));
}
