"""The command line, the embedded servers, the supervised stack; demo data and measurements."""
