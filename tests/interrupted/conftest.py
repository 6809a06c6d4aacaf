"""The projects and the base image of tests/preview."""

from tests.preview.conftest import *  # noqa: F403 - its fixtures
