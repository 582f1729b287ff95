"""The report stage: one self-contained HTML page of a study, with its table of arms as CSV and Markdown."""

from visualzero.report.inputs import ReportInputs
from visualzero.report.page import build_report

__all__ = ["ReportInputs", "build_report"]
