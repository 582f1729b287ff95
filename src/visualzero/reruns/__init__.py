"""What has to run again: fingerprints for DVC, what changed in words, and taking over results that DVC has pulled."""
