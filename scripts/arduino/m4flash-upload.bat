@echo off
rem Uploads a sketch to a Portenta X8 for Arduino IDE 1.8, IDE 2 and arduino-cli on Windows: what
rem m4flash-upload beside it does, which says more.
rem
rem usage: m4flash-upload.bat ADB SKETCH.elf [SERIAL...]
rem
rem Exit status: 0 the sketch runs; 1 it does not; 2 the board cannot be asked; 3 no outcome in time.
setlocal EnableExtensions EnableDelayedExpansion

set "inbox=/tmp/arduino/m4-user-sketch.elf"
set "timeout=240"
if "%~2"=="" (
    >&2 echo usage: %~nx0 ADB SKETCH.elf [SERIAL...]
    exit /b 2
)
set "adb=%~1"
set "adb=%adb:/=\%"
set "sketch=%~2"
set "sketch=%sketch:/=\%"
set "name=%~n2"
set "bytes=%~z2"
set "chosen= %~3 %~4 "
if not exist "%adb%" (
    call :complain "adb is not there: %adb%" "Install the mbed_portenta core anew with the IDE's board manager."
    exit /b 2
)
if not exist "%sketch%" (
    call :complain "The sketch cannot be read: %sketch%" "Compile it again."
    exit /b 2
)

rem ---- Which board
set "serial="
set "boards="
set /a count=0
set "others="
for /f "tokens=1,2" %%a in ('""%adb%" devices 2^>nul"') do (
    if "%%b"=="device" (
        set /a count+=1
        set "boards=!boards! %%a"
        set "only=%%a"
        if not "!chosen: %%a =!"=="!chosen!" set "serial=%%a"
        if "%%a"=="%ANDROID_SERIAL%" set "wanted=%%a"
    ) else if not "%%a"=="List" set "others=%%b"
)
if defined ANDROID_SERIAL (
    if not defined wanted if %count% gtr 0 (
        call :complain "The board that ANDROID_SERIAL names is not connected: %ANDROID_SERIAL%" "Connected are:%boards%"
        exit /b 2
    )
    set "serial=%ANDROID_SERIAL%"
)
if %count%==0 (
    if "%others%"=="unauthorized" (
        call :complain "The board is connected, but does not trust this computer." "Unplug the board and plug it in again."
    ) else if "%others%"=="offline" (
        call :complain "The board is connected, but does not answer." "Wait until it has started, half a minute, or unplug it and plug it in again."
    ) else (
        call :complain "No board is connected." "Connect the Portenta X8 with a USB cable that carries data, wait until it has started, half a minute, and upload again."
    )
    exit /b 2
)
if not defined serial if %count%==1 set "serial=%only%"
if not defined serial (
    call :complain "Several boards are connected:%boards%" "Choose the board's port in the IDE, set ANDROID_SERIAL to one of them, or unplug the others."
    exit /b 2
)
echo Uploading %name% to the board %serial%.

rem ---- The copy
set "sha256="
for /f "skip=1 delims=" %%h in ('certutil -hashfile "%sketch%" SHA256') do if not defined sha256 set "sha256=%%h"
set "sha256=%sha256: =%"
set "answer="
set "pushed="
for /f "delims=" %%l in ('""%adb%" -s %serial% push "%sketch%" %inbox% 2^>^&1 ^&^& echo pushed"') do (
    if "%%l"=="pushed" (set "pushed=yes") else set "answer=%%l"
)
if not defined pushed (
    call :complain "%name% could not be copied to the board: !answer!" "See that the board stays connected and has room in its /tmp, and upload again."
    exit /b 2
)

rem ---- What becomes of it: first shown as it goes, then asked for once more, to be read
set "wait=m4flash wait --sha256 %sha256%"
"%adb%" -s %serial% shell "command -v m4flash >/dev/null && %wait% --follow --timeout %timeout% 2>&1 | grep '^^Job [0-9]*: [a-z ]*,'" <nul
set "text="
set "hint="
set "result="
set "status="
for /f "delims=" %%l in ('""%adb%" -s %serial% shell "if command -v m4flash >/dev/null; then %wait% --timeout 0 2>&1; echo m4flash-status: $?; else echo m4flash-status: 127; fi" ^<nul"') do call :line "%%l"

if "%status%"=="0" (
    if defined hint call :complain "%name% was programmed, but:" "!hint!"
    echo %name%: !text! ^(%bytes% bytes sent^)
    exit /b 0
)
if "%status%"=="127" (
    call :complain "%name% was copied, but the board has no m4flash that could tell what became of it." "Install m4flash on the board, or take m4flash out of platform.local.txt again."
    exit /b 2
)
if not defined status (
    call :complain "%name% was copied, but the connection to the board ended before the outcome was known." "See that the board is still connected, then ask it: adb shell m4flash history"
    exit /b 2
)
if not defined text set "text=m4flash tells no outcome, exit status %status%."
if not defined hint set "hint=Ask the board: adb shell m4flash history"
call :complain "%name%: !text!" "!hint!"
exit /b %status%

rem ---- :line TEXT, one that m4flash wrote
:line
set "line=%~1"
if "%line:~0,16%"=="m4flash-status: " (set "status=%line:~16%" & exit /b)
if "%line:~0,9%"=="m4flash: " (
    if "!line: id=!"=="!line!" set "text=%line:~9%"
    exit /b
)
if "%line:~0,2%"=="  " (set "hint=%line:~2%" & exit /b)
for /f "tokens=1,* delims=:" %%a in ("!line!") do set "text=%%b"
if defined text if "!text:~0,1!"==" " set "text=!text:~1!"
exit /b

rem ---- :complain TEXT HINT
:complain
>&2 echo %~1
if not "%~2"=="" >&2 echo   %~2
exit /b
