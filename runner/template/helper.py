# The part of python.c that is easier said in Python: embedded in the library, one dictionary of names.
# Nothing here may stay in what a program sees: no module, no name of its own in __main__.


def settle():
    import gc
    import runpy
    import sys
    gc.collect()
    gc.freeze()  # what is there is never looked at again, and so its pages stay shared
    return frozenset(sys.modules)


def begin(environment, original, argv, folder):
    import os
    import sys
    import time
    import types
    for name in list(os.environb):
        del os.environb[name]
    for assignment in environment:
        name, _, value = assignment.partition(b"=")
        os.environb[name] = value
    time.tzset()
    # A new one: what was there before the imports were settled is never collected, and so would its names be.
    main = types.ModuleType("__main__")
    main.__dict__.update(sys.modules["__main__"].__dict__)
    sys.modules["__main__"] = main
    sys.orig_argv[:] = original
    sys.argv[:] = argv
    sys.path.insert(0, folder)
    # Every generator that was seeded before the fork. What asks the kernel each time needs nothing.
    loaded = sys.modules
    if "random" in loaded:
        loaded["random"].seed()
    if "numpy.random" in loaded:
        loaded["numpy.random"].seed()
    if "multiprocessing.process" in loaded:
        loaded["multiprocessing.process"].current_process().authkey = os.urandom(32)


def loader(name):
    from importlib.machinery import SourceFileLoader
    return SourceFileLoader("__main__", name)


def exit_status(error):
    import sys
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    try:
        print(code, file=sys.stderr, flush=True)
    except Exception:
        pass
    return 1


def flush():
    import sys
    good = True
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name, None)
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception as error:
            if name == "stdout":
                sys.unraisablehook(type("Unraisable", (), dict(
                    exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__, err_msg=None,
                    object=stream)))
                good = False
    return good


def finish(kept):
    # The rest of what Py_FinalizeEx does: what was said, then the program's modules.
    import gc
    import sys
    import weakref
    good = flush()
    for name in ("last_type", "last_value", "last_traceback"):
        if hasattr(sys, name):
            setattr(sys, name, None)
    mine = [name for name in sys.modules if name not in kept or name == "__main__"]
    left = []
    for name in mine:
        module = sys.modules.pop(name)
        try:
            left.append(weakref.ref(module))
        except TypeError:
            pass
    del module
    gc.collect()
    for reference in reversed(left):
        module = reference()
        if module is None:
            continue
        names = vars(module)
        for private in (True, False):
            for name in list(names):
                if (name[:1] == "_" and name[1:2] != "_") == private and name != "__builtins__":
                    names[name] = None
        del module, names
    gc.collect()
    return True if flush() and good else None
