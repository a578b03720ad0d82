"""Reports: a review as files that open without a kernel, and two of them compared as a CI does."""

from __future__ import annotations

from nbviz.reports.comparison import ReportComparison, Thresholds, compare_reports
from nbviz.reports.masks import audit_by_masks
from nbviz.reports.signing import sign
from nbviz.reports.writing import report

__all__ = ["ReportComparison", "Thresholds", "audit_by_masks", "compare_reports", "report", "sign"]
