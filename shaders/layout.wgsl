// How the classes of a row lie in memory: side by side, or STRIDED, params.inner elements apart.

override STRIDED: bool = false;
