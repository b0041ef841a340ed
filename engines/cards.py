"""Graphics cards on the PCI bus, whether or not a driver knows them. Linux only; elsewhere none are found."""

from pathlib import Path

_DEVICES = Path("/sys/bus/pci/devices")
_DISPLAY = "0x03"  # PCI class: display controllers
_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}


def card_vendors(devices: Path = _DEVICES) -> frozenset[str]:
    """Vendors of the display controllers: NVIDIA, AMD, Intel."""
    found = set()
    for device in sorted(devices.iterdir()) if devices.is_dir() else ():
        try:
            kind = (device / "class").read_text(encoding="ascii").strip()
            vendor = (device / "vendor").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if kind.startswith(_DISPLAY) and vendor in _VENDORS:
            found.add(_VENDORS[vendor])
    return frozenset(found)
