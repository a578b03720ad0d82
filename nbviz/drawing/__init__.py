"""Drawing of arrays as pixels: colour maps, heat over a picture, mosaics, PNG and JPEG bytes. No widget, no network."""
