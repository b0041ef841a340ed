"""What people have of a node on their screen: the icon, the window, and how they come up. Imported where there is a display."""
