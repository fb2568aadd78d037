"""What clients have becomes what the model takes: values checked, images decoded, cast, scaled, transposed, padded."""
