"""Tests that a method's author runs, within this project or in a package of their own (`kgprism.testing`)."""
