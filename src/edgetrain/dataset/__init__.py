"""A dataset's folder: where annotations and pictures lie, how it is divided, and its tables.

Verbs: split, tabulate, label_map, label, import_annotations, export_annotations; stats has a folder of its own.
"""
