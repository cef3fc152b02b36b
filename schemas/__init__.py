"""What the data is: Arrow schemas, records, enums, manifest, errors. No Beam."""
