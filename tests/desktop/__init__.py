"""The icon, the window and the menu on a real panel, without a display: Xvfb, Xfce's panel, and a person who clicks."""
