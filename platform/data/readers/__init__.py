"""The field's file formats, read into graphs."""
