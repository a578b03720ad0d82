"""Reports: a review as files that open without a kernel, and two of them compared as a CI does."""

from __future__ import annotations

from nbviz.reports.comparison import ReportComparison, Thresholds, compare_reports
from nbviz.reports.writing import report

__all__ = ["ReportComparison", "Thresholds", "compare_reports", "report"]
