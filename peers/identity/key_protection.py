"""How the operating system protects the password of the key file, where it does more than file modes.

Windows: DPAPI, bound to the user that runs Corral. Elsewhere the key file has no password and mode 600: a keychain
asks a person or is locked before somebody logs in, and a node must start without either.
"""

import ctypes
import sys
from typing import Final, Protocol

_NO_PROMPT: Final = 1  # CRYPTPROTECT_UI_FORBIDDEN


class KeyProtection(Protocol):
    """Wraps a short secret so that only this user on this machine can unwrap it. Both may raise OSError."""

    def wrap(self, secret: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes) -> bytes: ...


def of_this_system() -> KeyProtection | None:
    """None where file modes have to do."""
    if sys.platform == "win32":
        return Dpapi()
    return None


if sys.platform == "win32":
    from ctypes import wintypes

    class _Blob(ctypes.Structure):
        _fields_ = (("size", wintypes.DWORD), ("data", ctypes.POINTER(ctypes.c_char)))

    class Dpapi:
        """CryptProtectData and CryptUnprotectData of crypt32 (documented at learn.microsoft.com)."""

        def wrap(self, secret: bytes) -> bytes:
            """Raises OSError."""
            return self._call("CryptProtectData", secret)

        def unwrap(self, wrapped: bytes) -> bytes:
            """Raises OSError."""
            return self._call("CryptUnprotectData", wrapped)

        def _call(self, function: str, given: bytes) -> bytes:
            buffer = ctypes.create_string_buffer(given, len(given))
            source = _Blob(len(given), ctypes.cast(buffer, ctypes.POINTER(ctypes.c_char)))
            result = _Blob()
            crypt32 = ctypes.WinDLL("crypt32", use_last_error=True)
            if not getattr(crypt32, function)(
                ctypes.byref(source), None, None, None, None, _NO_PROMPT, ctypes.byref(result)
            ):
                raise ctypes.WinError(ctypes.get_last_error())
            try:
                return ctypes.string_at(result.data, result.size)
            finally:
                local_free = ctypes.WinDLL("kernel32").LocalFree
                local_free.argtypes = [ctypes.c_void_p]
                local_free(result.data)
