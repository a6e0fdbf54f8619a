"""Join the results of a folder of videos with a table of participants: study_table.csv, for R, SPSS or pandas.

It has a row for each participant and condition, and compare_conditions.py takes it from there.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from emotion_recognition.command_line import Parser, one_line_errors
from emotion_recognition.results.csv_tables import open_table
from emotion_recognition.results.table_writing import Table, write_table
from emotion_recognition.study.study_table import make_study_table, name_some

STUDY_TABLE = 'study_table.csv'  # the name of what is written, next to the table of participants


def is_european(path):
    """Whether a table is as spreadsheets in most of Europe save it, with semicolons; then they expect that again."""
    return open_table(path, ['participant'], 'a table of participants').separator == ';'


def main(arguments=None):
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path, help='folder with the results of emotions_from_video.py')
    parser.add_argument('participants', type=Path, help='CSV: participant, video and/or person, any further columns')
    given = parser.parse_args(arguments)
    with one_line_errors(parser.prog):
        table, remarks = make_study_table(given.folder, given.participants)
        path = given.participants.with_name(STUDY_TABLE)
        write_table(Table(table.columns, table.to_numpy(object)), path, decimal_comma=is_european(given.participants))
        for remark in remarks:
            print(remark)
        conditions = list(table['condition'].unique())
        print(f'Wrote {path}: {table["participant"].nunique()} participants, conditions: {name_some(conditions)}')


if __name__ == '__main__':
    main()
