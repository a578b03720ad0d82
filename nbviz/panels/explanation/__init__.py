"""Explanation: method, options, saliency canvas, facts and the trust line."""
