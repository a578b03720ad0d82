"""The stage that maps what a layer tells apart."""
